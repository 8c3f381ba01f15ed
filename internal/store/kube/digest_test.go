package kube

import (
	"encoding/json"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

const cancel = `{"state":{"type":"CANCELLED","message":"enough","stateDetails":{"scheduledTime":"2031-02-03T04:05:06Z",` +
	`"runInputKeyset":{"a":"1","b":"2"}}}}`

func digestOf(t *testing.T, text string) string {
	t.Helper()
	transition := &v1alpha1.Transition{}
	if err := json.Unmarshal([]byte(text), transition); err != nil {
		t.Fatal(err)
	}
	return digest(transition)
}

// The digest is stored: another one for the same proposal would have all
// proposals that stand in objects judged again by a newer version.
func TestDigestNeverChanges(t *testing.T) {
	t.Parallel()
	if got, want := digestOf(t, cancel), "5448f314612394c52039adacf5f0dc98"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestDigestOfEqualProposalsIsEqual(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"in another order": `{"force":false,"state":{"stateDetails":{"runInputKeyset":{"b":"2","a":"1"},` +
			`"scheduledTime":"2031-02-03T04:05:06Z"},"message":"enough","type":"CANCELLED"}}`,
		"with the time spelt otherwise": `{"state":{"type":"CANCELLED","message":"enough","stateDetails":` +
			`{"scheduledTime":"2031-02-03T06:05:06.000+02:00","runInputKeyset":{"a":"1","b":"2"}}}}`,
		"with its details in another order": `{"state":{"type":"CANCELLED","message":"enough","stateDetails":{` +
			`"scheduledTime":"2031-02-03T04:05:06Z","runInputKeyset":{"a":"1","b":"2"}}}}`,
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := digestOf(t, text), digestOf(t, cancel); got != want {
				t.Errorf("digest %s, want %s", got, want)
			}
		})
	}
}

func TestDigestOfOtherProposalsDiffers(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, text := range []string{
		`{"state":{"type":"CANCELLED"}}`,
		`{"state":{"type":"CANCELLED"},"force":true}`,
		`{"state":{"type":"CANCELLED","message":""}}`,
		`{"state":{"type":"CANCELLED","name":""}}`,
		`{"state":{"type":"CANCELLED","dataJSON":"1"}}`,
		`{"state":{"type":"CANCELLED","dataJSON":"1.0"}}`,
		`{"state":{"type":"CANCELLED","stateDetails":{"transitionID":"11111111-2222-4333-8444-555555555555"}}}`,
		`{"state":{"type":"CANCELLED","stateDetails":{"transitionID":"21111111-2222-4333-8444-555555555555"}}}`,
		`{"state":{"type":"CANCELLED","stateDetails":{"deferred":false}}}`,
		`{"state":{"type":"CANCELLED","stateDetails":{"runInputKeyset":{}}}}`,
		`{"state":{"type":"COMPLETED"}}`,
	} {
		d := digestOf(t, text)
		if other, taken := seen[d]; taken || len(d) != 2*digestBytes {
			t.Errorf("%s and %s have the digest %s", text, other, d)
		}
		seen[d] = text
	}
}
