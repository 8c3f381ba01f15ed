package rest

import "net/http"

// tagLimitRoutes are the older routes, about limits of tags.
func tagLimitRoutes() []route {
	const (
		base = "/concurrency_limits"
		gone = "Concurrency limit not found"
	)
	return []route{
		{
			method: http.MethodPost, path: base + "/", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "make the limit of a tag, or set its slots",
			handle: (*Server).createTagLimit, body: true,
		},
		{
			method: http.MethodGet, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read the limit of a tag by its id",
			handle: (*Server).readTagLimit, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodGet, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read the limit of a tag",
			handle: (*Server).readLimitOfTag, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "read the limits of tags",
			handle: (*Server).filterTagLimits, body: true,
		},
		{
			method: http.MethodPost, path: base + "/tag/" + tagParameter + "/reset", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "end all that is held of the limit of a tag",
			handle: (*Server).resetLimitOfTag, body: true, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodDelete, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete the limit of a tag by its id",
			handle: (*Server).removeTagLimit, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodDelete, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete the limit of a tag",
			handle: (*Server).removeLimitOfTag, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "take slots of tags for a run",
			handle: (*Server).incrementTags, body: true,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "give slots of tags back",
			handle: (*Server).decrementTags, body: true,
		},
	}
}

// limitRoutes are about limits of any name.
func limitRoutes() []route {
	const (
		base = "/v2/concurrency_limits"
		gone = "Concurrency Limit not found"
	)
	return []route{
		{
			method: http.MethodPost, path: base + "/", resource: ResourceConcurrencyLimits, verb: VerbCreate, summary: "make a limit",
			handle: (*Server).createLimit, body: true,
		},
		{
			method: http.MethodGet, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read a limit",
			handle: (*Server).readLimit, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "read all limits",
			handle: (*Server).filterLimits, body: true,
		},
		{
			method: http.MethodPatch, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "change a limit",
			handle: (*Server).updateLimit, body: true, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodDelete, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete a limit",
			handle: (*Server).removeLimit, explainGone: saysDetail(gone),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "take slots",
			handle: (*Server).increment, body: true,
		},
		{
			method: http.MethodPost, path: base + "/increment-with-lease", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "take slots for as long as a lease lives",
			handle: (*Server).incrementWithLease, body: true,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "give slots back",
			handle: (*Server).decrement, body: true,
		},
		{
			method: http.MethodPost, path: base + "/decrement-with-lease", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "give back what a lease holds",
			handle: (*Server).decrementWithLease, body: true,
		},
		{
			method: http.MethodPost, path: base + "/leases/" + leaseParameter + "/renew", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "let a lease live on",
			handle: (*Server).renewLease, body: true,
		},
	}
}
