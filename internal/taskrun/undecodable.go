package taskrun

import "fmt"

// UndecodableError reports that a stored object exists and cannot be decoded. The
// error lasts until the object is repaired or deleted, so a caller must neither
// retry at once nor create the object again.
type UndecodableError struct {
	Kind      string // TaskRun or ConcurrencyLimit
	Namespace string
	Name      string // of the object
	Field     string // path of the first invalid value, such as status.endTime; empty for the whole object
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
