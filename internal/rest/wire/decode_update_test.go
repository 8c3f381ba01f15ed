package wire

import "testing"

func TestDecodeUpdate(t *testing.T) {
	t.Parallel()
	const absent = "absent"
	for body, want := range map[string]string{
		"{}": absent, `{"name":"n"}`: "n", `{"name":null}`: "", `{"name":""}`: "", `{"name":0}`: "", `{"name":false}`: "", `{"name":{}}`: "",
	} {
		name, err := DecodeUpdate(bodyOf(t, body))
		got := absent
		if name != nil {
			got = *name
		}
		if got != want || err != nil {
			t.Errorf("%s: name %q, faults %s, want %q", body, got, faultsOf(t, err), want)
		}
	}
	for body, want := range map[string]string{
		"null": `missing["body"]`, "[]": `model_attributes_type["body"]`,
		`{"b":1,"name":1,"a":2}`: `string_type["body","name"] extra_forbidden["body","b"] extra_forbidden["body","a"]`,
	} {
		if _, err := DecodeUpdate(bodyOf(t, body)); faultsOf(t, err) != want {
			t.Errorf("%s: faults %s, want %s", body, faultsOf(t, err), want)
		}
	}
}
