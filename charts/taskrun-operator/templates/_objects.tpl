{{/*
The labels that tell what Helm made.
*/}}
{{- define "taskrun.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/*
What all pods of the operator have, and nothing else has.
*/}}
{{- define "taskrun.selector" -}}
app.kubernetes.io/name: taskrun-operator
app.kubernetes.io/component: controller-manager
{{- end }}

{{/*
One object of config/, as the chart makes it: a list of root, the object, and more labels. Names in the base lack the
prefix that kustomize puts before them; those of the components have it. (Names of the cluster's own roles have a colon
or are in kube-system.)
*/}}
{{- define "taskrun.object" -}}
{{- $root := index . 0 }}
{{- $object := index . 1 }}
{{- $named := list $object.metadata }}
{{- if and $object.roleRef (ne (toString $object.metadata.namespace) "kube-system") (not (contains ":" (toString (get ($object.roleRef | default dict) "name")))) }}
{{- $named = append $named $object.roleRef }}
{{- end }}
{{- $placed := list }}
{{- if and $object.metadata.namespace (ne (toString $object.metadata.namespace) "kube-system") }}
{{- $placed = append $placed $object.metadata }}
{{- end }}
{{- range $object.subjects }}
{{- $named = append $named . }}
{{- $placed = append $placed . }}
{{- end }}
{{- if index . 2 }}
{{- range $named }}{{ $_ := set . "name" (printf "taskrun-%s" .name) }}{{ end }}
{{- end }}
{{- range $placed }}{{ $_ := set . "namespace" $root.Release.Namespace }}{{ end }}
{{- $_ := set $object.metadata "labels" (merge (include "taskrun.labels" $root | fromYaml) ($object.metadata.labels | default dict)) }}
{{- toYaml $object }}
{{- end }}

{{/*
All objects of the files that match, as documents: a list of root, a pattern, and whether names get the prefix.
*/}}
{{- define "taskrun.files" -}}
{{- $root := index . 0 }}
{{- $prefix := index . 2 }}
{{- range $path, $_ := $root.Files.Glob (index . 1) }}
{{- range splitList "\n---\n" ($root.Files.Get $path | trimPrefix "---\n" | replace "taskrun-system" $root.Release.Namespace) }}
---
{{ include "taskrun.object" (list $root (fromYaml .) $prefix) }}
{{- end }}
{{- end }}
{{- end }}
