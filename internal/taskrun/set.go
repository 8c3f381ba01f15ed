package taskrun

// SetOf returns the set of the given texts. Use it to search lists of clients,
// because they can be long.
func SetOf(texts []string) map[string]bool {
	set := make(map[string]bool, len(texts))
	for _, text := range texts {
		set[text] = true
	}
	return set
}

// Distinct removes duplicates and keeps the order. It returns nil for nil.
func Distinct[T comparable](list []T) []T {
	if list == nil {
		return nil
	}
	seen := make(map[T]bool, len(list))
	once := make([]T, 0, len(list))
	for _, item := range list {
		if !seen[item] {
			seen[item] = true
			once = append(once, item)
		}
	}
	return once
}
