package rest

// RouteInfo tells of a route what concerns its callers.
type RouteInfo struct {
	Method, Path string // the path without the base; parameters in braces
	Verb         Verb
	Resource     Resource
	Open         bool // to callers who show nothing
	Socket       bool // it is a websocket
}

// Routes are all that a Server with limits serves.
func Routes() []RouteInfo {
	var infos []RouteInfo
	for _, r := range table() {
		infos = append(infos, RouteInfo{
			Method: r.method, Path: r.path, Verb: r.verb, Resource: r.resource, Open: r.open, Socket: r.talk != nil,
		})
	}
	return infos
}
