package taskrun

import (
	"encoding/json"
	"testing"
)

// TestParents filters a run of a known flow, and a run of a known flow and
// deployment.
func TestParents(t *testing.T) {
	t.Parallel()
	const flow, deployment = oneID, otherID
	label := func(id string) json.RawMessage { return json.RawMessage(`"` + id + `"`) }
	plain := &Run{FlowRunID: flowID, Labels: map[string]json.RawMessage{labelFlowID: label(flow)}}
	deployed := &Run{FlowRunID: flowID, Labels: map[string]json.RawMessage{labelFlowID: label(flow), labelDeploymentID: label(deployment)}}
	silent := &Run{FlowRunID: flowID, Labels: map[string]json.RawMessage{labelFlowID: []byte("1"), labelDeploymentID: []byte(`""`)}}
	outside := &Run{Labels: deployed.Labels}

	all := func(members ...ParentCriterion) *ParentCriteria { return &ParentCriteria{Members: members} }
	either := func(members ...ParentCriterion) *ParentCriteria { return &ParentCriteria{Or: true, Members: members} }
	is := func(fact ParentFact, ids ...string) ParentCriterion {
		return ParentCriterion{Fact: fact, Any: append([]string{}, ids...)}
	}
	isNot := func(fact ParentFact, ids ...string) ParentCriterion {
		return ParentCriterion{Fact: fact, NotAny: append([]string{}, ids...)}
	}
	null := func(fact ParentFact, isNull bool) ParentCriterion {
		return ParentCriterion{Fact: fact, IsNull: &isNull}
	}
	unknown, free := ParentCriterion{Fact: FactUnknown}, ParentCriterion{}

	cases := map[string]struct {
		filter                  ParentFilter
		plain, deployed, silent bool // whether each run matches; the run outside flows never does
	}{
		"an empty flow run":                             {ParentFilter{FlowRun: all()}, true, true, true},
		"an empty flow":                                 {ParentFilter{Flow: all()}, true, true, true},
		"an empty flow with or":                         {ParentFilter{Flow: either()}, true, true, true},
		"an empty deployment":                           {ParentFilter{Deployment: all()}, false, true, false},
		"a work pool":                                   {ParentFilter{Unknown: true}, false, false, false},
		"the flow run":                                  {ParentFilter{FlowRun: all(is(FactFlowRunID, oneID, flowID))}, true, true, true},
		"another flow run":                              {ParentFilter{FlowRun: all(is(FactFlowRunID, oneID))}, false, false, false},
		"no flow run":                                   {ParentFilter{FlowRun: all(is(FactFlowRunID))}, false, false, false},
		"not the flow run":                              {ParentFilter{FlowRun: all(isNot(FactFlowRunID, flowID))}, false, false, false},
		"not another flow run":                          {ParentFilter{FlowRun: all(isNot(FactFlowRunID, oneID))}, true, true, true},
		"not any of no flow runs":                       {ParentFilter{FlowRun: all(isNot(FactFlowRunID))}, true, true, true},
		"the flow run, and not":                         {ParentFilter{FlowRun: all(ParentCriterion{Fact: FactFlowRunID, Any: []string{flowID}, NotAny: []string{flowID}})}, false, false, false},
		"the flow":                                      {ParentFilter{Flow: all(is(FactFlowID, flow))}, true, true, false},
		"another flow":                                  {ParentFilter{Flow: all(is(FactFlowID, flowID))}, false, false, false},
		"not another flow, if the flow is known":        {ParentFilter{Flow: all(isNot(FactFlowID, flowID))}, true, true, false},
		"the flow and an unknown value":                 {ParentFilter{Flow: all(is(FactFlowID, flow), unknown)}, false, false, false},
		"the flow or an unknown value":                  {ParentFilter{Flow: either(is(FactFlowID, flow), unknown)}, true, true, false},
		"an unknown value or a member without criteria": {ParentFilter{Flow: either(unknown, free)}, true, true, true},
		"a member without criteria and the flow":        {ParentFilter{Flow: all(free, is(FactFlowID, flow))}, true, true, false},
		"no criterion on the flow":                      {ParentFilter{Flow: all(ParentCriterion{Fact: FactFlowID})}, true, true, true},
		"the deployment":                                {ParentFilter{Deployment: all(is(FactDeploymentID, deployment))}, false, true, false},
		"another deployment":                            {ParentFilter{Deployment: all(is(FactDeploymentID, flow))}, false, false, false},
		"not another deployment, but a deployment":      {ParentFilter{Deployment: all(isNot(FactDeploymentID, flow))}, false, true, false},
		"a flow run of the deployment":                  {ParentFilter{FlowRun: all(is(FactDeploymentID, deployment))}, false, true, false},
		"a flow run without deployment":                 {ParentFilter{FlowRun: all(null(FactDeploymentID, true))}, true, false, true},
		"a flow run with a deployment":                  {ParentFilter{FlowRun: all(null(FactDeploymentID, false))}, false, true, false},
		"a flow run of the deployment or of none":       {ParentFilter{FlowRun: all(ParentCriterion{Fact: FactDeploymentID, Or: true, Any: []string{deployment}, IsNull: new(true)})}, true, true, true},
		"a flow run of the deployment and of none":      {ParentFilter{FlowRun: all(ParentCriterion{Fact: FactDeploymentID, Any: []string{deployment}, IsNull: new(true)})}, false, false, false},
		"a criterion without a fact":                    {ParentFilter{FlowRun: all(ParentCriterion{Fact: FactDeploymentID})}, true, true, true},
		"the right flow run of the wrong flow":          {ParentFilter{FlowRun: all(is(FactFlowRunID, flowID)), Flow: all(is(FactFlowID, flowID))}, false, false, false},
		"the right flow run, flow and deployment":       {ParentFilter{FlowRun: all(is(FactFlowRunID, flowID)), Flow: all(is(FactFlowID, flow)), Deployment: all(is(FactDeploymentID, deployment))}, false, true, false},
		"or joins only the members of one object":       {ParentFilter{FlowRun: either(is(FactFlowRunID, flowID)), Flow: either(is(FactFlowID, flowID))}, false, false, false},
		"or without a matching member":                  {ParentFilter{FlowRun: either(is(FactFlowRunID, oneID), unknown)}, false, false, false},
		"an invalid fact is unknown":                    {ParentFilter{FlowRun: all(ParentCriterion{Fact: FactUnknown + 1})}, false, false, false},
		"all criteria on an unknown value":              {ParentFilter{FlowRun: all(ParentCriterion{Fact: FactUnknown, IsNull: new(true)})}, false, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for run, want := range map[*Run]bool{plain: tc.plain, deployed: tc.deployed, silent: tc.silent, outside: false} {
				if got := (Filter{Parents: &tc.filter}).Matcher()(run); got != want {
					t.Errorf("%v in flow run %q: Match() = %v, want %v", run.Labels, run.FlowRunID, got, want)
				}
			}
		})
	}
}
