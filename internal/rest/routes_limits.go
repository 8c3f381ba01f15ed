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
			handle: (*namespaceHandler).createTagLimit, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodGet, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read the limit of a tag by its id",
			handle: (*namespaceHandler).readTagLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodGet, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read the limit of a tag",
			handle: (*namespaceHandler).readLimitOfTag, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "read the limits of tags",
			handle: (*namespaceHandler).filterTagLimits, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPost, path: base + "/tag/" + tagParameter + "/reset", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "end all that is held of the limit of a tag",
			handle: (*namespaceHandler).resetLimitOfTag, body: true, maxBody: maxListBody, explainGone: detailText(gone),
		},
		{
			method: http.MethodDelete, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete the limit of a tag by its id",
			handle: (*namespaceHandler).removeTagLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodDelete, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete the limit of a tag",
			handle: (*namespaceHandler).removeLimitOfTag, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "take slots of tags for a run",
			handle: (*namespaceHandler).incrementTags, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "give slots of tags back",
			handle: (*namespaceHandler).decrementTags, body: true, maxBody: maxListBody,
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
			handle: (*namespaceHandler).createLimit, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodGet, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read a limit",
			handle: (*namespaceHandler).readLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "read all limits",
			handle: (*namespaceHandler).filterLimits, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPatch, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "change a limit",
			handle: (*namespaceHandler).updateLimit, body: true, maxBody: maxSmallBody, explainGone: detailText(gone),
		},
		{
			method: http.MethodDelete, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete a limit",
			handle: (*namespaceHandler).removeLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "take slots",
			handle: (*namespaceHandler).increment, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/increment-with-lease", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "take slots for as long as a lease lives",
			handle: (*namespaceHandler).incrementWithLease, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "give slots back",
			handle: (*namespaceHandler).decrement, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement-with-lease", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "give back what a lease holds",
			handle: (*namespaceHandler).decrementWithLease, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPost, path: base + "/leases/" + leaseParameter + "/renew", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "let a lease live on",
			handle: (*namespaceHandler).renewLease, body: true, maxBody: maxSmallBody,
		},
	}
}
