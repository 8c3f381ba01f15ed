package taskrun

// Criteria counts those that were given, and those of them that hold.
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

// Hold joins the criteria: one is enough with or, else all are needed. Without
// any, everything passes.
func (c *Criteria) Hold(or bool) bool {
	return c.held == c.given || (or && c.held > 0)
}
