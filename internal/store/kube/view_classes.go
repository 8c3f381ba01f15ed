package kube

// classes number the different values of a column, so that a filter judges each
// value once and not each run. A number is used again when its value is gone.
type classes[K comparable] struct {
	numbers map[K]uint32
	known   []class[K] // by number
	free    []uint32
}

// class is a value and the number of rows that have it.
type class[K comparable] struct {
	value K
	rows  int
}

func newClasses[K comparable]() classes[K] { return classes[K]{numbers: map[K]uint32{}} }

// number returns the number of a value, for one more row.
func (c *classes[K]) number(value K) uint32 {
	n, known := c.numbers[value]
	if !known {
		n = c.next()
		c.numbers[value] = n
		c.known[n].value = value
	}
	c.known[n].rows++
	return n
}

func (c *classes[K]) next() uint32 {
	if last := len(c.free) - 1; last >= 0 {
		n := c.free[last]
		c.free = c.free[:last]
		return n
	}
	c.known = append(c.known, class[K]{})
	return uint32(len(c.known) - 1) //nolint:gosec // there are not more classes than rows
}

// release takes back what number gave for one row.
func (c *classes[K]) release(n uint32) {
	known := &c.known[n]
	known.rows--
	if known.rows > 0 {
		return
	}
	delete(c.numbers, known.value)
	*known = class[K]{}
	c.free = append(c.free, n)
}

// count is above all numbers.
func (c *classes[K]) count() int { return len(c.known) }
