package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// streamItems decodes a list of TaskRuns and calls add for each item while the rest of the
// response is on its way. It returns the list without its items.
func streamItems(response io.Reader, add func(runtime.Object) error) ([]byte, error) {
	texts := &recording{from: response}
	decoder := json.NewDecoder(texts)
	if err := expect(decoder, json.Delim('{')); err != nil {
		return nil, err
	}
	rest := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, broken(err)
		}
		field, _ := token.(string)
		var value json.RawMessage
		if field == "items" {
			value, err = json.RawMessage("[]"), eachItem(decoder, texts, add)
		} else {
			err = broken(decoder.Decode(&value))
		}
		if err != nil {
			return nil, err
		}
		rest[field] = value
	}
	if err := expect(decoder, json.Delim('}')); err != nil {
		return nil, err
	}
	return json.Marshal(rest)
}

func eachItem(decoder *json.Decoder, texts *recording, add func(runtime.Object) error) error {
	token, err := decoder.Token()
	if err != nil || token == nil {
		return broken(err)
	}
	if token != json.Delim('[') {
		return unexpected(token)
	}
	for decoder.More() {
		// Unlike that of Kubernetes, this decoder accepts NAME for name. The API server
		// sends only names that the schema has.
		var object runtime.Object = &v1alpha1.TaskRun{}
		start := decoder.InputOffset()
		if err := decoder.Decode(object); err != nil {
			if object, err = decodeAgain(texts.between(start, decoder.InputOffset()), err); err != nil {
				return broken(err)
			}
		}
		if err := add(object); err != nil {
			return err
		}
		texts.forget(decoder.InputOffset())
	}
	return expect(decoder, json.Delim(']'))
}

// decodeAgain is decodeRun for an item that could not be decoded. If the item is JSON, the
// decoder continues behind it. Otherwise nothing more can be decoded.
func decodeAgain(text []byte, cause error) (runtime.Object, error) {
	text = bytes.TrimLeft(text, ", \t\r\n")
	if !json.Valid(text) {
		return nil, cause
	}
	return decodeRun(text)
}

// decodeRun returns a TaskRun, or its placeholder if it cannot be decoded.
func decodeRun(text []byte) (runtime.Object, error) {
	o := &v1alpha1.TaskRun{}
	if json.Unmarshal(text, o) == nil {
		return o, nil
	}
	_, decoded, err := withoutFractions(v1alpha1.KindTaskRun, text)
	if err != nil {
		return placeholderOf(v1alpha1.KindTaskRun, text, err)
	}
	return decoded, nil
}

// recording keeps the end of what was read of a text, so that an item can be decoded
// again. Positions are those in the text.
type recording struct {
	from  io.Reader
	kept  []byte
	start int64 // position of the first byte kept
}

func (r *recording) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.kept = append(r.kept, p[:n]...)
	return n, err
}

func (r *recording) between(from, to int64) []byte { return r.kept[from-r.start : to-r.start] }

// forget drops what precedes a position, if that is most of what is kept.
func (r *recording) forget(before int64) {
	if n := int(before - r.start); n > len(r.kept)/2 {
		r.kept = r.kept[:copy(r.kept, r.kept[n:])]
		r.start = before
	}
}

// expect reads a delimiter.
func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if err == nil && token != want {
		err = unexpected(token)
	}
	return broken(err)
}

func unexpected(token json.Token) error {
	return fmt.Errorf("reading a list of TaskRuns: unexpected %v", token)
}

// broken returns io.ErrUnexpectedEOF for the end of a response, and other errors as
// they are.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
