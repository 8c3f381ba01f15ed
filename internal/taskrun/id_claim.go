package taskrun

// IDClaim ranks the objects that have one id: the run of the id is the object with
// the lowest rank, and of several the oldest.
type IDClaim int

const (
	// ClaimByUID is the rank of an object whose id is its UID, which the API server
	// assigns: spec.id of another object can repeat it, but not precede it.
	ClaimByUID IDClaim = iota
	// ClaimByName is the rank of an object whose name is the id. Runs made over REST
	// are named so, and the API server keeps names unique.
	ClaimByName
	// ClaimBySpec is the rank of all other objects: spec.id alone names the id.
	ClaimBySpec
)

// ClaimOf returns the rank of an object with this id.
func ClaimOf(id, uid, name string) IDClaim {
	switch id {
	case uid:
		return ClaimByUID
	case name:
		return ClaimByName
	default:
		return ClaimBySpec
	}
}

// IDClaim returns the rank of the run's object.
func (r *Run) IDClaim() IDClaim { return ClaimOf(r.ID, r.Ref.UID, r.Ref.Name) }
