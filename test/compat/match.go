package compat

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// faultLimit is the maximum number of differences reported for one response.
const faultLimit = 8

// matcher compares a response with a recorded one and binds names.
type matcher struct {
	vars *variables
	// strict distinguishes an integer from a float of the same value.
	strict bool
	// unordered holds the pointers of arrays whose order does not matter.
	unordered []string
	faults    []string
}

func (m *matcher) fault(at, message string, args ...any) {
	if len(m.faults) < faultLimit {
		if at == "" {
			at = "/"
		}
		m.faults = append(m.faults, at+": "+fmt.Sprintf(message, args...))
	}
}

// try runs a comparison. If the comparison fails, try drops its bindings and differences and returns false.
func (m *matcher) try(compare func(*matcher)) bool {
	attempt := &matcher{vars: m.vars.clone(), strict: m.strict, unordered: m.unordered}
	compare(attempt)
	if len(attempt.faults) > 0 {
		return false
	}
	m.vars.values = attempt.vars.values
	return true
}

// match compares the value at a pointer.
func (m *matcher) match(at string, want, got *node) {
	if want.kind == kindString {
		m.matchString(at, want.text, got)
		return
	}
	if want.kind != got.kind {
		m.fault(at, "want %s, got %s", short(want), short(got))
		return
	}
	switch want.kind {
	case kindNumber:
		if !m.sameNumber(want.text, got.text) {
			m.fault(at, "want %s, got %s", want.text, got.text)
		}
	case kindBool:
		if want.text != got.text {
			m.fault(at, "want %s, got %s", want.text, got.text)
		}
	case kindArray:
		m.matchArray(at, want, got)
	case kindObject:
		m.matchObject(at, want, got)
	default: // null equals null
	}
}

func (m *matcher) matchArray(at string, want, got *node) {
	if len(want.items) != len(got.items) {
		m.fault(at, "want %d elements, got %d: %s", len(want.items), len(got.items), short(got))
		return
	}
	if slices.Contains(m.unordered, at) {
		if !m.matchAnyOrder(at, want.items, got.items) {
			m.fault(at, "in no order the elements match: want %s, got %s", short(want), short(got))
		}
		return
	}
	for i := range want.items {
		m.match(fmt.Sprintf("%s/%d", at, i), want.items[i], got.items[i])
	}
}

// matchAnyOrder finds a partner for each wanted element. It backtracks if a choice leaves a later element without one.
func (m *matcher) matchAnyOrder(at string, want, got []*node) bool {
	if len(want) == 0 {
		return true
	}
	for i := range got {
		rest := slices.Delete(slices.Clone(got), i, i+1)
		found := m.try(func(a *matcher) {
			a.match(at+"/*", want[0], got[i])
			if len(a.faults) == 0 && !a.matchAnyOrder(at, want[1:], rest) {
				a.fault(at, "no partner")
			}
		})
		if found {
			return true
		}
	}
	return false
}

func (m *matcher) matchObject(at string, want, got *node) {
	open := slices.Clone(got.keys)
	for i, key := range want.keys {
		found, ok := m.findKey(at, key, want.items[i], got, open)
		if !ok {
			m.fault(at, "the key %q is missing", key)
			continue
		}
		open = slices.DeleteFunc(open, func(k string) bool { return k == found })
	}
	for _, key := range open {
		m.fault(at, "the key %q is too many: %s", key, short(got.member(key)))
	}
}

// findKey compares a wanted member and returns the key that it was found under. A key with unbound names may match any
// key that is not matched yet.
func (m *matcher) findKey(at, key string, want, got *node, open []string) (found string, ok bool) {
	for _, k := range open {
		if k == key && !placeholders.MatchString(key) {
			m.match(at+"/"+key, want, got.member(k))
			return k, true
		}
	}
	if !placeholders.MatchString(key) {
		return "", false
	}
	for _, k := range open {
		matched := m.try(func(a *matcher) {
			a.matchString(at, key, textNode(k))
			a.match(at+"/"+k, want, got.member(k))
		})
		if matched {
			return k, true
		}
	}
	return "", false
}

// matchString compares a value with a recorded string. The string may hold placeholders, or be a placeholder for a
// value of any kind.
func (m *matcher) matchString(at, want string, got *node) {
	if p, whole := wholePlaceholder(want); whole && wholeKinds[p.kind] != nil {
		m.matchWhole(at, p, got)
		return
	}
	if got.kind != kindString {
		m.fault(at, "want %s, got %s", quote(want), short(got))
		return
	}
	if err := m.bindText(want, got.text); err != nil {
		m.fault(at, "%v", err)
	}
}

func (m *matcher) matchWhole(at string, p placeholder, got *node) {
	if bound, ok := m.vars.lookup(p); ok {
		m.match(at, bound, got)
		return
	}
	if !wholeKinds[p.kind](got) {
		m.fault(at, "want any %s, got %s", p.kind, short(got))
		return
	}
	m.vars.bind(p, got)
}

// bindText compares a text with a recorded one and binds the names that occur for the first time.
func (m *matcher) bindText(want, got string) error {
	pattern, open, err := m.pattern(want)
	if err != nil {
		return err
	}
	found := pattern.FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("want %s, got %s", quote(m.known(want)), quote(got))
	}
	for i, p := range open {
		value := textNode(canonical(p, found[i+1]))
		if bound, ok := m.vars.lookup(p); ok && bound.text != value.text {
			return fmt.Errorf("%s stands for %s already, got %s", p.key(), quote(bound.text), quote(value.text))
		}
		m.vars.bind(p, value)
	}
	return nil
}

// pattern converts a recorded text to a regular expression with a group for each name that has no value yet.
func (m *matcher) pattern(want string) (*regexp.Regexp, []placeholder, error) {
	var b strings.Builder
	var open []placeholder
	end := 0
	for _, at := range placeholders.FindAllStringSubmatchIndex(want, -1) {
		rest := ""
		if at[4] >= 0 {
			rest = want[at[4]:at[5]]
		}
		p, err := parsePlaceholder(want[at[2]:at[3]], rest)
		if err != nil {
			return nil, nil, err
		}
		b.WriteString(regexp.QuoteMeta(want[end:at[0]]))
		end = at[1]
		if n, bound := m.vars.lookup(p); bound {
			b.WriteString(regexp.QuoteMeta(p.spelled(n)))
			continue
		}
		accepted := p.accepted()
		if accepted == "" {
			return nil, nil, fmt.Errorf("%s has no value yet, and an answer cannot give it one", p.key())
		}
		b.WriteString("(" + accepted + ")")
		open = append(open, p)
	}
	b.WriteString(regexp.QuoteMeta(want[end:]))
	pattern, err := regexp.Compile(`\A` + b.String() + `\z`)
	if err != nil {
		return nil, nil, fmt.Errorf("matching %q: %w", want, err)
	}
	return pattern, open, nil
}

// accepted is the pattern of values that a response may bind. An empty pattern accepts no value.
func (p placeholder) accepted() string {
	if p.kind == "uuid" {
		return spellings[p.spelling].pattern
	}
	return kinds[p.kind]
}

// canonical returns the form in which a value is kept: a UUID in the usual spelling, any other value unchanged.
func canonical(p placeholder, value string) string {
	if p.kind != "uuid" || p.spelling == "" {
		return value
	}
	digits := strings.ToLower(strings.NewReplacer("-", "", "{", "", "}", "", "urn:uuid:", "").Replace(value))
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// known returns a recorded text with the values of its names, for error messages.
func (m *matcher) known(want string) string {
	return placeholders.ReplaceAllStringFunc(want, func(match string) string {
		found := placeholders.FindStringSubmatch(match)
		p, err := parsePlaceholder(found[1], found[2])
		if err != nil {
			return match
		}
		if n, bound := m.vars.lookup(p); bound {
			return p.spelled(n)
		}
		return match
	})
}

// exponentLimit is the maximum number of digits of exponents that are compared exactly. Larger numbers must have the
// same spelling.
const exponentLimit = 4

func (m *matcher) sameNumber(want, got string) bool {
	if want == got {
		return true
	}
	if m.strict && isInteger(want) != isInteger(got) {
		return false
	}
	w, okW := exact(want)
	g, okG := exact(got)
	return okW && okG && w.Cmp(g) == 0
}

func isInteger(number string) bool { return !strings.ContainsAny(number, ".eE") }

func exact(number string) (*big.Rat, bool) {
	if at := strings.IndexAny(number, "eE"); at >= 0 && len(strings.TrimLeft(number[at+1:], "+-0")) > exponentLimit {
		return nil, false
	}
	return new(big.Rat).SetString(number)
}

// short returns a value as text, truncated if it is long.
func short(n *node) string {
	const limit = 200
	text := []rune(n.String())
	if len(text) <= limit {
		return string(text)
	}
	return string(text[:limit]) + "…"
}
