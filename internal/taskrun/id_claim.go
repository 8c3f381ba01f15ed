package taskrun

// IDClaim ranks the objects that have one id. The run with the id is that of the
// object with the lowest rank, and of equal ranks the oldest.
type IDClaim int

const (
	// ClaimByUID is the rank of an object whose id is its UID, which the API
	// server assigns. spec.id of another object can have the same value, but not a
	// lower rank.
	ClaimByUID IDClaim = iota
	// ClaimByName is the rank of an object whose name is the id, as for runs
	// created over REST. The API server keeps names unique.
	ClaimByName
	// ClaimBySpec is the rank of all other objects: only spec.id has the id.
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
