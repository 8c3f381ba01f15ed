package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxCachedParts is how many parts are kept in memory. Each has up to 512 KiB.
const maxCachedParts = 32

// dataCache has the parts that were last read or written. What a key refers to never
// changes.
type dataCache struct{ parts *lru.Cache }

func newDataCache() *dataCache { return &dataCache{lru.New(maxCachedParts)} }

func (c *dataCache) get(key string) (json.RawMessage, bool) {
	found, _ := c.parts.Get(key)
	text, ok := found.(json.RawMessage)
	return text, ok
}

func (c *dataCache) add(key string, text json.RawMessage) { c.parts.Add(key, text) }

// dataKey is the key of a RunData that this program created. Its name is never used again.
func dataKey(namespace, name string) string { return namespace + "/" + name }

// Load returns the run with the parts that it lacks. A part that does not exist is replaced
// by one that says so: one run cannot make the reads of others fail.
func (s *Flows) Load(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	if run.Unloaded == (flowrun.Parts{}) {
		return run, nil
	}
	loaded := *run
	for _, part := range []struct {
		kind string
		ref  *string
		text *json.RawMessage
	}{
		{v1alpha1.DataParameters, &loaded.Unloaded.Parameters, &loaded.Parameters},
		{v1alpha1.DataContext, &loaded.Unloaded.Context, &loaded.Context},
		{v1alpha1.DataJobVariables, &loaded.Unloaded.JobVariables, &loaded.JobVariables},
	} {
		if *part.ref == "" {
			continue
		}
		text, err := s.part(ctx, run, part.kind, *part.ref)
		if err != nil {
			return nil, err
		}
		*part.text, *part.ref = text, ""
	}
	return &loaded, nil
}

// part reads a part of a run. Errors: ErrNotFound if the run was deleted, ErrConflict if
// the part was replaced since.
func (s *Flows) part(ctx context.Context, run *flowrun.Run, kind, ref string) (json.RawMessage, error) {
	if ref == convert.PartInObject {
		return s.partInObject(ctx, run, kind)
	}
	own := convert.RunOfData(ref) == run.ID
	key := dataKey(s.namespace, ref)
	if text, known := s.cluster.flows.data.get(key); known && own {
		return text, nil
	}
	object := &v1alpha1.RunData{}
	err := s.get(ctx, "reading a part of the run", ref, object)
	if errors.Is(err, taskrun.ErrNotFound) {
		return s.missingPart(ctx, run, kind, ref)
	}
	if err != nil {
		return nil, err
	}
	text := convert.PartFromData(object, kind)
	if own { // another one can be deleted, and created again with another text
		s.cluster.flows.data.add(key, text)
	}
	return text, nil
}

// missingPart returns the part that stands for one that does not exist, if the run still
// refers to it.
func (s *Flows) missingPart(ctx context.Context, run *flowrun.Run, kind, ref string) (json.RawMessage, error) {
	now, err := s.reload(ctx, run)
	if err != nil {
		return nil, err
	}
	if refOf(now.Run, kind) != ref {
		return nil, fmt.Errorf("reading a part of the run: replaced: %w", taskrun.ErrConflict)
	}
	return convert.FaultyPart("RunData " + ref + " does not exist"), nil
}

func refOf(run *flowrun.Run, kind string) string {
	switch kind {
	case v1alpha1.DataParameters:
		return run.Unloaded.Parameters
	case v1alpha1.DataContext:
		return run.Unloaded.Context
	default:
		return run.Unloaded.JobVariables
	}
}

// partInObject reads a long part that is a field of spec.
func (s *Flows) partInObject(ctx context.Context, run *flowrun.Run, kind string) (json.RawMessage, error) {
	key := run.Ref.UID + "/" + strconv.FormatInt(run.Ref.Generation, 10) + "/" + kind
	if text, known := s.cluster.flows.data.get(key); known {
		return text, nil
	}
	object := &v1alpha1.FlowRun{}
	if err := s.get(ctx, "reading a part of the run", run.Ref.Name, object); err != nil {
		return nil, err
	}
	fields := map[string]*v1alpha1.JSONObject{
		v1alpha1.DataParameters: object.Spec.Parameters, v1alpha1.DataContext: object.Spec.Context, v1alpha1.DataJobVariables: object.Spec.JobVariables,
	}
	switch field := fields[kind]; {
	case string(object.UID) != run.Ref.UID:
		return nil, fmt.Errorf("reading a part of the run: deleted and created again: %w", taskrun.ErrNotFound)
	case object.Generation != run.Ref.Generation, field == nil:
		return nil, fmt.Errorf("reading a part of the run: replaced: %w", taskrun.ErrConflict)
	default:
		text := convert.PartOfText(string(field.Raw))
		s.cluster.flows.data.add(key, text)
		return text, nil
	}
}

// editedPart returns a part of a run as it is stored, or, if it has another text now, that
// text. unloaded is the reference of a part that the caller did not load.
func (s *Flows) editedPart(
	ctx context.Context, base *flowrun.Run, kind string, stored convert.Part, unloaded string, text json.RawMessage,
) (convert.Part, error) {
	if unloaded != "" {
		return stored, nil
	}
	present := stored.Text
	if stored.Ref != "" {
		var err error
		if present, err = s.part(ctx, base, kind, stored.Ref); err != nil {
			return convert.Part{}, err
		}
	}
	if bytes.Equal(present, text) {
		return stored, nil
	}
	return convert.Part{Text: text}, nil
}

// get reads an object by name from the API server.
func (s *Flows) get(ctx context.Context, doing, name string, into client.Object) error {
	if name == "" { // of a run that was not read from a store
		return fmt.Errorf("%s: %w", doing, taskrun.ErrNotFound)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	key := client.ObjectKey{Namespace: s.namespace, Name: name}
	return s.translate(ctx, doing, s.cluster.Reader.Get(ctx, key, into))
}
