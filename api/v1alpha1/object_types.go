package v1alpha1

// JSONObject is a JSON object with any members, at most 256.
//
// +kubebuilder:validation:Type=object
// +kubebuilder:validation:XPreserveUnknownFields
// +kubebuilder:validation:MaxProperties=256
// +structType=atomic
type JSONObject struct {
	// Raw is the JSON text of the object.
	Raw []byte `json:"-"`
}

// MarshalJSON returns the text as it is; none is null.
func (o JSONObject) MarshalJSON() ([]byte, error) {
	if len(o.Raw) == 0 {
		return []byte("null"), nil
	}
	return o.Raw, nil
}

// UnmarshalJSON keeps the text as it is.
func (o *JSONObject) UnmarshalJSON(text []byte) error {
	o.Raw = append([]byte(nil), text...)
	return nil
}
