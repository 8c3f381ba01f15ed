package flowrun

// Bounds of a flow and of a flow run, in characters where a text is meant. The CRDs'
// schemas state the same ones. What has no bound here has the one of package taskrun.
const (
	MaxName           = 1024
	MaxFlowName       = 1024
	MaxFlowVersion    = 256
	MaxIdempotencyKey = 1024
	MaxParameters     = 524_288 // bytes of JSON
	MaxContext        = 524_288 // bytes of JSON
	MaxJobVariables   = 524_288 // bytes of JSON
	MaxPauseKeys      = 64
	MaxAnswers        = 16
	MaxInputKey       = 512
	MaxInput          = 786_432 // bytes
	MaxInline         = 4096    // bytes of JSON that are stored in the run itself
	MaxWorkQueueName  = 256
	MaxVersion        = 256 // of a deployment

	MaxInfrastructurePID = 256
	MaxCreator           = 256 // each text of a Creator
	MaxSender            = 1024
	MaxPauseKeysText     = 1024 // all pause keys together

	// MaxText bounds all texts of what was requested together. They include those of the
	// initial state, which has what the others leave, and JSON that is stored in the run
	// itself. MaxEdited bounds what was changed later, the name aside.
	MaxText   = 7168
	MaxEdited = 4096
	// MaxTagsText and MaxLabelsText bound the tags and the labels of a run, and those of a
	// flow. A value of a label counts as 64 characters at least.
	MaxTagsText   = 1024
	MaxLabelsText = 2048
)
