package load

import (
	"fmt"
	"strconv"
	"strings"
)

// Numbers are the value of a flag: one or several positive numbers, with commas
// between them.
type Numbers []int

// String is how the flag is written.
func (n *Numbers) String() string {
	texts := make([]string, len(*n))
	for i, number := range *n {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ",")
}

// Set reads the flag.
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
