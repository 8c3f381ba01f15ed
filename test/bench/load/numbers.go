package load

import (
	"fmt"
	"strconv"
	"strings"
)

// Numbers is a flag value: one or several positive numbers, separated by
// commas.
type Numbers []int

// String returns the value in the format of the flag.
func (n *Numbers) String() string {
	texts := make([]string, len(*n))
	for i, number := range *n {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ",")
}

// Set parses the flag.
func (n *Numbers) Set(text string) error {
	var numbers Numbers
	for field := range strings.SplitSeq(text, ",") {
		number, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || number < 1 {
			return fmt.Errorf("%q is no number of 1 or more", field)
		}
		numbers = append(numbers, number)
	}
	*n = numbers
	return nil
}
