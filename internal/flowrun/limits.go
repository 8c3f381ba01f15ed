package flowrun

// Bounds of a flow and of a flow run, in characters where a text is meant. The CRDs'
// schemas state the same ones. What has no bound here has the one of package taskrun.
const (
	MaxName              = 1024
	MaxFlowName          = 1024
	MaxFlowVersion       = 256
	MaxIdempotencyKey    = 1024
	MaxInfrastructurePID = 1024
	MaxCreator           = 256     // each text of a Creator
	MaxTagsText          = 4096    // all tags together
	MaxLabelsText        = 8192    // all labels together, with their keys
	MaxParameters        = 524_288 // bytes of JSON
	MaxContext           = 524_288 // bytes of JSON
	MaxJobVariables      = 524_288 // bytes of JSON
	MaxPauseKeys         = 64
	MaxAnswers           = 16
	MaxInputKey          = 512
	MaxInput             = 786_432 // bytes
	MaxInline            = 4096    // bytes of JSON that are stored in the run itself
)
