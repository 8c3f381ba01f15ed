package taskrun

// Criteria counts the given criteria, and those that hold.
type Criteria struct{ given, held int }

// Add adds a criterion: whether the filter has it, and whether it holds.
func (c *Criteria) Add(given, holds bool) {
	if given {
		c.given++
	}
	if given && holds {
		c.held++
	}
}

// Hold reports whether the criteria hold together. With or, one criterion is
// enough; otherwise all are required. Without criteria, the result is true.
func (c *Criteria) Hold(or bool) bool {
	return c.held == c.given || (or && c.held > 0)
}
