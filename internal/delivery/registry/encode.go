package registry

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
)

// encode returns the JSON of workers in at most maxAnnotation bytes. It drops task
// keys if necessary, but never a worker: the connection of a worker matters more
// than its task keys. All workers of a replica fit, see delivery.MaxWorkerBytes.
// The bytes for keys are divided equally among the namespaces, the share of a
// namespace among its callers, and the share of a caller among its workers. The
// unused part of a share goes to the others.
func encode(workers []delivery.Worker) string {
	text, err := delivery.EncodeWorkers(workers)
	if err != nil {
		return "[]" // cannot happen: ids are texts
	}
	if len(text) <= maxAnnotation {
		return string(text)
	}
	short := slices.Clone(workers)
	sizes := make([]int, len(short))
	for i := range short {
		sizes[i] = keysSize(short[i].TaskKeys)
		short[i].TaskKeys = nil
	}
	text, err = delivery.EncodeWorkers(short)
	if err != nil {
		return "[]" // cannot happen either
	}
	budget := maxAnnotation - len(text)
	namespace := func(i int) string { return workers[i].Namespace }
	caller := func(i int) string { return workers[i].Caller }
	for i, share := range shares(sizes, budget, namespace, caller) {
		short[i].TaskKeys = firstKeys(workers[i].TaskKeys, share)
	}
	if text, err = delivery.EncodeWorkers(short); err != nil {
		return "[]"
	}
	return string(text)
}

// keySize is the size of a task key in a list of them.
func keySize(key string) int {
	text, err := json.Marshal(key) // no shorter than what EncodeWorkers writes
	if err != nil {
		return maxAnnotation // cannot happen: a key is a text
	}
	return len(text) + len(",")
}

func keysSize(keys []string) (size int) {
	for _, key := range keys {
		size += keySize(key)
	}
	return size
}

// firstKeys returns the longest prefix of the keys that fits in size bytes.
func firstKeys(keys []string, size int) []string {
	for n, key := range keys {
		if size -= keySize(key); size < 0 {
			return keys[:n]
		}
	}
	return keys
}

// shares divides a total among members that need the given sizes. It divides
// equally among the groups of the first level, then among the groups of the next
// level, and finally among the members of each group.
func shares(sizes []int, total int, levels ...func(i int) string) []int {
	all := make([]int, len(sizes))
	for i := range all {
		all[i] = i
	}
	result := make([]int, len(sizes))
	divide(all, sizes, total, levels, result)
	return result
}

func divide(members, sizes []int, total int, levels []func(i int) string, result []int) {
	if len(levels) == 0 {
		for n, share := range fill(members, func(i int) int { return sizes[i] }, total) {
			result[members[n]] = share
		}
		return
	}
	var groups [][]int
	index := map[string]int{}
	for _, i := range members {
		name := levels[0](i)
		at, known := index[name]
		if !known {
			at = len(groups)
			index[name] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	sum := func(group []int) (size int) {
		for _, i := range group {
			size += sizes[i]
		}
		return size
	}
	for n, share := range fill(groups, sum, total) {
		divide(groups[n], sizes, share, levels[1:], result)
	}
}

// fill gives each item the amount that it needs, limited to an equal share of the
// total and of the amounts that other items leave unused.
func fill[T any](items []T, need func(T) int, total int) []int {
	needs, order := make([]int, len(items)), make([]int, len(items))
	for i, item := range items {
		needs[i], order[i] = need(item), i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(needs[a], needs[b]) })
	result := make([]int, len(items))
	for n, i := range order {
		result[i] = min(needs[i], total/(len(order)-n))
		total -= result[i]
	}
	return result
}
