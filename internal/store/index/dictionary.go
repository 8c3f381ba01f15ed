package index

// dictionary gives each distinct value of a column a code, so that a filter is
// evaluated once per value and not once per run. A code is reused when no row has its
// value any more.
type dictionary[K comparable] struct {
	codes  map[K]uint32
	values []value[K] // by code
	free   []uint32
}

// value is a value and the number of rows that have it.
type value[K comparable] struct {
	value K
	rows  int
}

func newDictionary[K comparable]() dictionary[K] { return dictionary[K]{codes: map[K]uint32{}} }

// code returns the code of a value, for one more row.
func (d *dictionary[K]) code(v K) uint32 {
	n, known := d.codes[v]
	if !known {
		n = d.next()
		d.codes[v] = n
		d.values[n].value = v
	}
	d.values[n].rows++
	return n
}

func (d *dictionary[K]) next() uint32 {
	if last := len(d.free) - 1; last >= 0 {
		n := d.free[last]
		d.free = d.free[:last]
		return n
	}
	d.values = append(d.values, value[K]{})
	return uint32(len(d.values) - 1) //nolint:gosec // there are at most as many codes as rows
}

// release undoes one call of number.
func (d *dictionary[K]) release(n uint32) {
	known := &d.values[n]
	known.rows--
	if known.rows > 0 {
		return
	}
	delete(d.codes, known.value)
	*known = value[K]{}
	d.free = append(d.free, n)
}

// count returns a number above every code.
func (d *dictionary[K]) count() int { return len(d.values) }
