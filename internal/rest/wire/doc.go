// Package wire translates between the JSON of Prefect's REST interface and the types of the use cases. Decode functions read
// bodies, queries and frames, and return validation errors in Prefect's words. Append functions write JSON to the end of a
// buffer that the caller passes.
package wire
