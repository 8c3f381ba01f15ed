package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
)

// An API group, its version, and the resources in it. They replace the types of apimachinery, which imports much
// of Kubernetes.
type (
	apiGroupList struct {
		Kind       string     `json:"kind"`
		APIVersion string     `json:"apiVersion"`
		Groups     []apiGroup `json:"groups"`
	}
	apiGroup struct {
		Kind             string        `json:"kind"`
		APIVersion       string        `json:"apiVersion"`
		Name             string        `json:"name"`
		Versions         []apiVersions `json:"versions"`
		PreferredVersion apiVersions   `json:"preferredVersion"`
	}
	apiVersions struct {
		GroupVersion string `json:"groupVersion"`
		Version      string `json:"version"`
	}
	apiResourceList struct {
		Kind         string        `json:"kind"`
		APIVersion   string        `json:"apiVersion"`
		GroupVersion string        `json:"groupVersion"`
		Resources    []apiResource `json:"resources"`
	}
	apiResource struct {
		Name         string   `json:"name"`
		SingularName string   `json:"singularName"`
		Namespaced   bool     `json:"namespaced"`
		Kind         string   `json:"kind"`
		Verbs        []string `json:"verbs"`
	}
)

const groupVersion = AggregatedGroup + "/" + AggregatedVersion

func theGroup() apiGroup {
	version := apiVersions{GroupVersion: groupVersion, Version: AggregatedVersion}
	return apiGroup{
		Kind: "APIGroup", APIVersion: "v1", Name: AggregatedGroup, Versions: []apiVersions{version}, PreferredVersion: version,
	}
}

func (s *namespaceHandler) apiGroups(*request) (response, error) {
	return asJSON(apiGroupList{Kind: "APIGroupList", APIVersion: "v1", Groups: []apiGroup{theGroup()}})
}

func (s *namespaceHandler) apiGroup(*request) (response, error) { return asJSON(theGroup()) }

// apiResources responds with the single resource that stands for all routes. It has no verbs, so that the garbage
// collector and the namespace controller do not list, watch or delete it.
func (s *namespaceHandler) apiResources(*request) (response, error) {
	return asJSON(apiResourceList{
		Kind: "APIResourceList", APIVersion: "v1", GroupVersion: groupVersion,
		Resources: []apiResource{{
			Name: "task_runs", SingularName: "task_run", Namespaced: true, Kind: "PrefectTaskRun", Verbs: []string{"create", "get"},
		}},
	})
}

// openAPIIndex responds with the path of the document. The path has a digest of the document, so that
// the API server may keep it.
func (s *namespaceHandler) openAPIIndex(*request) (response, error) {
	text, err := s.aggregatedDocument()
	if err != nil {
		return response{}, err
	}
	digest := sha256.Sum256(text)
	type place struct {
		URL string `json:"serverRelativeURL"`
	}
	return asJSON(map[string]map[string]place{"paths": {
		AggregatedPath[1:]: {URL: "/openapi/v3" + AggregatedPath + "?hash=" + hex.EncodeToString(digest[:])},
	}})
}

func (s *namespaceHandler) openAPIAggregated(*request) (response, error) {
	text, err := s.aggregatedDocument()
	return response{status: http.StatusOK, body: text}, err
}

func (s *namespaceHandler) aggregatedDocument() ([]byte, error) {
	return s.document.JSON(AggregatedPath + namespacesPath + s.home.namespace)
}

func asJSON(value any) (response, error) {
	text, err := json.Marshal(value)
	return response{status: http.StatusOK, body: text}, err
}
