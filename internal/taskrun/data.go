package taskrun

import (
	"bytes"
	"encoding/json"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// artifactKeys describe the artifact that Prefect creates for a result. They
// are not part of the data (contract §2.3).
var artifactKeys = map[string]bool{
	"artifact_key": true, "artifact_type": true, "artifact_description": true,
}

// Stored returns the state as it is stored. Data of type unpersisted is
// returned to the proposer once and not stored (contract §2.3).
func Stored(state orchestration.State) orchestration.State {
	if orchestration.Unpersisted(state.Data) {
		state.Data = nil
	}
	return state
}

// withoutArtifactKeys keeps the text of the rest of the object.
func withoutArtifactKeys(data json.RawMessage) json.RawMessage {
	if !isObject(data) || !bytes.Contains(data, []byte(`"artifact_`)) {
		return data
	}
	members := json.NewDecoder(bytes.NewReader(data))
	if _, err := members.Token(); err != nil {
		return data
	}
	kept := []byte{'{'}
	for members.More() {
		key, err := members.Token()
		if err != nil {
			return data
		}
		var value json.RawMessage
		if err := members.Decode(&value); err != nil {
			return data
		}
		name, ok := key.(string)
		if !ok || artifactKeys[name] {
			continue
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(append(append(kept, quoted(name)...), ':'), value...)
	}
	return append(kept, '}')
}

// quoted returns a JSON string with only the escapes that JSON requires.
func quoted(text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return []byte(`""`) // cannot happen: any string can be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func isObject(data json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
}
