package taskrun

// TextSet is a list of texts, compiled for lookups.
type TextSet struct {
	list []string
	set  map[string]struct{} // nil for a short list, which is searched
}

// longList is the length from which a map is faster than a search of the list.
const longList = 8

// NewTextSet compiles a list. The list must not change while the set is used.
func NewTextSet(list []string) TextSet {
	s := TextSet{list: list}
	if len(list) >= longList {
		s.set = make(map[string]struct{}, len(list))
		for _, entry := range list {
			s.set[entry] = struct{}{}
		}
	}
	return s
}

// Has reports whether the text is in the set. It allocates no memory.
func Has[T string | []byte](s *TextSet, text T) bool {
	if s.set != nil {
		_, found := s.set[string(text)]
		return found
	}
	for _, entry := range s.list { //nolint:modernize // slices.Contains would allocate the text of bytes
		if entry == string(text) {
			return true
		}
	}
	return false
}
