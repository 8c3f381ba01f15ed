package v1alpha1_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

type schema = apiextensionsv1.JSONSchemaProps

func rootSchema(t *testing.T) schema {
	t.Helper()
	return schemaOf(t, "taskruns")
}

// schemaOf is the schema of a kind, by its plural.
func schemaOf(t *testing.T, plural string) schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "taskrun.dev_"+plural+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// at follows names through a schema: [] is the items of a list, {} the values of
// a map.
func at(t *testing.T, s schema, path string) schema {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		switch {
		case name == "[]" && s.Items != nil:
			s = *s.Items.Schema
		case name == "{}" && s.AdditionalProperties != nil:
			s = *s.AdditionalProperties.Schema
		default:
			property, ok := s.Properties[name]
			if !ok {
				t.Fatalf("no %s in %s", name, path)
			}
			s = property
		}
	}
	return s
}

// The limits of the model, which REST clients get, and those of the schema must
// be equal.
func TestCRDs_limitsEqualThoseOfTheModel(t *testing.T) {
	t.Parallel()
	root := rootSchema(t)
	for path, want := range map[string]int64{
		"spec.name": taskrun.MaxName, "spec.taskKey": taskrun.MaxTaskKey, "spec.dynamicKey": taskrun.MaxDynamicKey,
		"spec.taskVersion": taskrun.MaxTaskVersion, "spec.cacheKey": taskrun.MaxCacheKey,
		"spec.tags": taskrun.MaxTags, "spec.tags.[]": taskrun.MaxTag, "spec.labels": taskrun.MaxLabels, "spec.origin.wire": taskrun.MaxText,
		"spec.taskInputs": taskrun.MaxInputKeys, "spec.taskInputs.[].name": taskrun.MaxInputKey, "spec.taskInputs.[].sources": taskrun.MaxInputs,
		"spec.taskInputs.[].sources.[].name": taskrun.MaxInputText, "spec.taskInputs.[].sources.[].type": taskrun.MaxInputText,
		"spec.taskInputs.[].sources.[].taskRunName": 253, "status.inputTaskRunIDs": v1alpha1.MaxNamedInputs,
		"spec.empiricalPolicy.retryDelay": taskrun.MaxRetryDelays, "spec.empiricalPolicy.retryDelay.[]": taskrun.MaxNumber,
		"spec.empiricalPolicy.retryJitterFactor": taskrun.MaxNumber,
		"status.history":                         taskrun.MaxHistory, "status.decisions": taskrun.MaxDecisions,
		"status.decisions.[].reason": taskrun.MaxReason, "status.decisions.[].proposer": taskrun.MaxProposer,
		"spec.labels.{}":        v1alpha1.MaxLabelText,
		"status.effective.wire": taskrun.MaxReported, "status.effective.taskKey": taskrun.MaxReported, "status.effective.tags.[]": taskrun.MaxReported,
		"status.name":                 taskrun.MaxName,
		"status.conditions.[].type":   v1alpha1.MaxConditionType,
		"status.conditions.[].reason": v1alpha1.MaxConditionReason, "status.conditions.[].message": v1alpha1.MaxConditionMessage,
	} {
		checkBound(t, path, at(t, root, path), want)
	}
	for _, state := range []string{"spec.initialState", "status.state", "status.history.[]"} {
		for path, want := range map[string]int64{
			".name": taskrun.MaxStateName, ".message": taskrun.MaxMessage, ".dataJSON": taskrun.MaxData,
			".stateDetails.cacheKey": taskrun.MaxStateKey, ".stateDetails.pauseKey": taskrun.MaxPauseKey,
			".stateDetails.traceparent": taskrun.MaxTraceparent, ".stateDetails.runInputKeyset": taskrun.MaxKeysetItems,
			".stateDetails.runInputKeyset.{}": taskrun.MaxKeysetText,
		} {
			checkBound(t, state+path, at(t, root, state+path), want)
		}
	}
}

func TestCRDs_limitsOfTheFlowKindsAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	for plural, bounds := range map[string]map[string]int64{
		"flowruns": {
			"spec.name": flowrun.MaxName, "spec.flowVersion": flowrun.MaxFlowVersion, "spec.idempotencyKey": flowrun.MaxIdempotencyKey,
			"spec.deploymentVersion": flowrun.MaxVersion, "spec.workQueueName": flowrun.MaxWorkQueueName,
			"spec.infrastructurePID": flowrun.MaxInfrastructurePID, "spec.createdBy.type": flowrun.MaxCreator,
			"spec.createdBy.displayValue": flowrun.MaxCreator, "spec.origin.wire": flowrun.MaxText,
			"spec.parametersJSON": flowrun.MaxInline, "spec.contextJSON": flowrun.MaxInline, "spec.jobVariablesJSON": flowrun.MaxInline,
			"spec.tags": taskrun.MaxTags, "spec.tags.[]": taskrun.MaxTag, "spec.labels": taskrun.MaxLabels, "spec.labels.{}": v1alpha1.MaxLabelText,
			"status.name": flowrun.MaxName, "status.history": taskrun.MaxHistory, "status.decisions": taskrun.MaxDecisions,
			"status.answers": flowrun.MaxAnswers, "status.answers.[].reason": taskrun.MaxReason,
			"status.pauseKeys": flowrun.MaxPauseKeys, "status.pauseKeys.[]": taskrun.MaxPauseKey,
			"status.effective.flowVersion": flowrun.MaxFlowVersion, "status.effective.infrastructurePID": flowrun.MaxInfrastructurePID,
			"status.effective.parametersJSON": flowrun.MaxInline, "status.effective.jobVariablesJSON": flowrun.MaxInline,
			"status.effective.tags": taskrun.MaxTags, "status.effective.tags.[]": taskrun.MaxTag, "status.effective.wire": flowrun.MaxEdited,
			"status.conditions.[].message": v1alpha1.MaxConditionMessage,
		},
		"registeredflows": {
			"spec.name": flowrun.MaxFlowName, "spec.tags": taskrun.MaxTags, "spec.tags.[]": taskrun.MaxTag, "spec.labels": taskrun.MaxLabels,
			"status.name": flowrun.MaxFlowName, "status.effective.tags": taskrun.MaxTags,
		},
		"rundata": {"text": flowrun.MaxInput, "key": flowrun.MaxInputKey, "sender": flowrun.MaxSender},
	} {
		root := schemaOf(t, plural)
		for path, want := range bounds {
			checkBound(t, path, at(t, root, path), want)
		}
	}
}

func checkBound(t *testing.T, path string, s schema, want int64) {
	t.Helper()
	for _, bound := range []*int64{s.MaxLength, s.MaxItems, s.MaxProperties} {
		if bound == nil || *bound == 0 {
			continue
		}
		if *bound != want {
			t.Errorf("%s is bounded by %d, want %d", path, *bound, want)
		}
		return
	}
	t.Errorf("%s has no bound, want %d", path, want)
}

// Every field that a client can write has a limit.
func TestCRDs_everyFieldIsLimited(t *testing.T) {
	t.Parallel()
	for _, plural := range []string{"taskruns", "flowruns", "registeredflows", "rundata"} {
		for name, property := range schemaOf(t, plural).Properties {
			if !slices.Contains([]string{"apiVersion", "kind", "metadata"}, name) {
				checkBounded(t, name, property)
			}
		}
	}
}

func checkBounded(t *testing.T, path string, s schema) {
	t.Helper()
	if strings.HasPrefix(path, "status.conditions.[].") {
		return // not our type, but its texts are limited
	}
	if fault := unbounded(s); fault != "" {
		t.Errorf("%s is %s", path, fault)
	}
	if s.Items != nil {
		checkBounded(t, path+".[]", *s.Items.Schema)
	}
	if s.AdditionalProperties != nil {
		checkBounded(t, path+".{}", *s.AdditionalProperties.Schema)
	}
	for name, property := range s.Properties {
		checkBounded(t, path+"."+name, property)
	}
}

// unbounded returns the limit that a schema lacks, without its nested schemas.
func unbounded(s schema) string {
	switch s.Type {
	case "array":
		return missing(s.MaxItems == nil, "a list without maxItems")
	case "string":
		return missing(s.MaxLength == nil && len(s.Enum) == 0, "a text without maxLength")
	case "integer":
		return missing(s.Minimum == nil || s.Maximum == nil, "an integer without bounds")
	case "object":
		return missing(s.MaxProperties == nil && len(s.Properties) == 0, "an object of anything, without maxProperties")
	default:
		return ""
	}
}

func missing(is bool, what string) string {
	if is {
		return what
	}
	return ""
}

func TestCRDs_stateTypesEqualThoseOfTheRules(t *testing.T) {
	t.Parallel()
	types := at(t, rootSchema(t), "spec.initialState.type").Enum
	if len(types) != len(orchestration.StateTypes) {
		t.Fatalf("got %d state types, want %d", len(types), len(orchestration.StateTypes))
	}
	for i, want := range orchestration.StateTypes {
		if got := strings.Trim(string(types[i].Raw), `"`); got != string(want) {
			t.Errorf("got type %s, want %s", got, want)
		}
		for name, reason := range map[string]string{
			"": want.DefaultName(), "AwaitingRetry": "AwaitingRetry", "Retry2": "Retry2", strings.Repeat("A", 64): strings.Repeat("A", 64),
			"awaiting": want.DefaultName(), "Two Words": want.DefaultName(), "Größe": want.DefaultName(), "2nd": want.DefaultName(),
			"My_Name": want.DefaultName(), strings.Repeat("A", 65): want.DefaultName(),
		} {
			if got := v1alpha1.ConditionReason(string(want), name); got != reason {
				t.Errorf("%s, named %q: got reason %q, want %q", want, name, got, reason)
			}
		}
	}
	if got := v1alpha1.ConditionReason("OTHER", "other"); got != "" {
		t.Errorf("got reason %q for no type, want none", got)
	}
}

// ruleOnTexts is the rule on all texts of spec.
func ruleOnTexts(root schema) (text string) {
	for _, rule := range root.XValidations {
		if strings.HasPrefix(rule.Message, "the texts of spec") {
			text = rule.Rule
		}
	}
	return text
}

// The rule on all texts of spec first uses a maximum length for each small text,
// which must not be less than the schema's.
func TestCRDs_ruleOnAllTextsOfSpecHasTheSingleLimits(t *testing.T) {
	t.Parallel()
	text := ruleOnTexts(rootSchema(t))
	always := taskrun.MaxName + taskrun.MaxTaskKey + taskrun.MaxDynamicKey + taskrun.MaxCacheKey + taskrun.MaxTaskVersion
	for _, want := range []string{
		fmt.Sprintf("%d * size(s.?tags", taskrun.MaxTag),
		fmt.Sprintf("%d * size(dyn(s).?labels", taskrun.MaxLabelKey+v1alpha1.MaxLabelText),
		"size(s.?origin.?wire",
		fmt.Sprintf("%d + %d * size(a.?sources", taskrun.MaxInputKey, 20+taskrun.MaxInputText),
		fmt.Sprintf("%d + size(t.?message", 128+taskrun.MaxStateName),
		fmt.Sprintf("%d + size(d.?cacheKey", taskrun.MaxPauseKey+taskrun.MaxTraceparent),
		fmt.Sprintf("%d * size(d.?runInputKeyset", 2*taskrun.MaxKeysetText),
		fmt.Sprintf("<= %d)", taskrun.MaxText-always),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the rule does not hold %q:\n%s", want, text)
		}
	}
}

func TestCRDs_ruleOnAllTextsOfAFlowRunHasTheSingleLimits(t *testing.T) {
	t.Parallel()
	text := ruleOnTexts(schemaOf(t, "flowruns"))
	always := flowrun.MaxName + flowrun.MaxFlowVersion + flowrun.MaxIdempotencyKey + flowrun.MaxVersion + flowrun.MaxWorkQueueName +
		flowrun.MaxInfrastructurePID + 2*flowrun.MaxCreator
	for _, want := range []string{
		fmt.Sprintf("%d * size(s.?tags", taskrun.MaxTag),
		fmt.Sprintf("%d * size(dyn(s).?labels", taskrun.MaxLabelKey+v1alpha1.MaxLabelText),
		"size(s.?origin.?wire", "size(s.?parametersJSON", "size(s.?contextJSON", "size(s.?jobVariablesJSON",
		fmt.Sprintf("<= %d)", flowrun.MaxText-always),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the rule does not hold %q:\n%s", want, text)
		}
	}
}
