package taskrun

import "fmt"

// UndecodableError reports that a stored object exists and cannot be decoded. It
// is neither missing nor unavailable: it stays so until the object is repaired or
// deleted, so a caller must not retry at once and must not create it again.
type UndecodableError struct {
	Kind      string // TaskRun or ConcurrencyLimit
	Namespace string
	Name      string // of the object
	Field     string // path of the first value at fault, such as status.endTime; empty for the whole object
	Reason    string
}

func (e *UndecodableError) Error() string {
	at := ""
	if e.Field != "" {
		at = e.Field + ": "
	}
	return fmt.Sprintf("%s %s/%s cannot be decoded: %s%s: repair the field or delete the object with kubectl",
		e.Kind, e.Namespace, e.Name, at, e.Reason)
}
