package convert

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// RunDataName returns the name of the RunData of a run, for one key of a type.
func RunDataName(runID, kind, key string) string {
	if !isUUID(runID) { // a uid need not be one
		runID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(runID)).String()
	}
	return runID + "-" + digest(kind+"\x00"+key)
}

// RunOfData returns the id of the run in the name of a RunData that RunDataName returned;
// empty for another name.
func RunOfData(name string) string {
	const id = len("00000000-0000-0000-0000-000000000000")
	if len(name) <= id || name[id] != '-' || !isUUID(name[:id]) {
		return ""
	}
	return name[:id]
}

// PartToData returns the object of a part of a run that is stored apart. key is another
// one for each write, so that no two writes have one object.
func PartToData(kind, runID, key string, text json.RawMessage, created time.Time) *v1alpha1.RunData {
	o := &v1alpha1.RunData{
		ObjectMeta: metav1.ObjectMeta{Name: RunDataName(runID, kind, key)},
		Type:       kind, Key: &key, Text: new(string(text)), CreatedTime: microTimePointer(&created),
	}
	if isUUID(runID) {
		o.RunID = runID
	}
	return o
}

// PartFromData returns the part of a RunData, which must be of that type.
func PartFromData(o *v1alpha1.RunData, kind string) json.RawMessage {
	if o.Type != kind {
		return FaultyPart("RunData " + o.Name + " is not of the type " + kind)
	}
	return PartOfText(textOr(o.Text, ""))
}

// InputToData returns the object of an input. Its name follows from the run and the key, so
// that a run has each key once.
func InputToData(in *flowrun.Input) *v1alpha1.RunData {
	o := &v1alpha1.RunData{
		ObjectMeta: metav1.ObjectMeta{Name: RunDataName(in.RunID, v1alpha1.DataInput, in.Key)},
		Type:       v1alpha1.DataInput, Key: &in.Key, Text: &in.Value, Sender: in.Sender, CreatedTime: microTimePointer(&in.Created),
	}
	if isUUID(in.RunID) {
		o.RunID = in.RunID
	}
	if isUUID(in.ID) {
		o.ID = in.ID
	}
	return o
}

// InputFromData is the inverse of InputToData.
func InputFromData(o *v1alpha1.RunData) *flowrun.Input {
	return &flowrun.Input{
		ID: cmp.Or(o.ID, string(o.UID)), Created: timeOr(o.CreatedTime, within(o.CreationTimestamp.Time)), RunID: o.RunID,
		Key: textOr(o.Key, ""), Value: textOr(o.Text, ""), Sender: o.Sender,
	}
}
