{{- define "foresail.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- /* Never longer than 50 characters, so that a suffix such as -exporter fits into a label. */ -}}
{{- define "foresail.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "foresail.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "foresail.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "foresail.exporterName" -}}
{{- include "foresail.fullname" . -}}-exporter
{{- end -}}

{{- /* Never change: selectors of Deployments and DaemonSets are immutable. Takes (dict "root" $ "component" "service"). */ -}}
{{- define "foresail.selectorLabels" -}}
app.kubernetes.io/name: {{ include "foresail.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "foresail.labels" -}}
{{ include "foresail.selectorLabels" . }}
app.kubernetes.io/part-of: foresail
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "foresail.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "foresail.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "foresail.exporterServiceAccountName" -}}
{{- if .Values.exporter.serviceAccount.create -}}
{{- default (include "foresail.exporterName" .) .Values.exporter.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.exporter.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* Takes (dict "root" $ "image" values); what is empty in `image` comes from .Values.image. */ -}}
{{- define "foresail.image" -}}
{{- $default := .root.Values.image -}}
{{- $registry := default $default.registry .image.registry -}}
{{- $repository := default $default.repository .image.repository -}}
{{- $tag := default (default .root.Chart.AppVersion $default.tag) .image.tag -}}
{{- $digest := .image.digest -}}
{{- if not (or .image.repository .image.tag $digest) }}{{ $digest = $default.digest }}{{ end -}}
{{- with $registry }}{{ . }}/{{ end }}{{ $repository }}{{ if $digest }}@{{ $digest }}{{ else }}:{{ $tag }}{{ end -}}
{{- end -}}

{{- /* True where our ServiceMonitor gives the exporter's series the identity of the kubelet's cAdvisor. */ -}}
{{- define "foresail.isCadvisor" -}}
{{- with .Values.monitoring.serviceMonitor -}}
{{- if and $.Values.exporter.enabled .enabled .cadvisorJob }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- /* The job of the metrics that queries, rules and boards pin. */ -}}
{{- define "foresail.exporterJob" -}}
{{- if include "foresail.isCadvisor" . -}}
{{- .Values.monitoring.serviceMonitor.cadvisorJob -}}
{{- else -}}
{{- .Values.settings.prometheus.job -}}
{{- end -}}
{{- end -}}

{{- define "foresail.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "foresail.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* The settings as the service reads them: without the right to evict it must not try. */ -}}
{{- define "foresail.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- $_ := set $settings.prometheus "job" (include "foresail.exporterJob" .) -}}
{{- if not .Values.healing.enabled -}}
{{- $_ := set $settings.healing "acts" false -}}
{{- end -}}
{{- if .Values.calendars -}}
{{- $folder := dict "calendar_folder" (include "foresail.calendarFolder" .) -}}
{{- $_ := set $settings "scaling" (mergeOverwrite (default dict $settings.scaling) $folder) -}}
{{- end -}}
{{- if .Values.forecast.saved.enabled -}}
{{- $_ := set $settings.forecast "saved_folder" (include "foresail.savedFolder" .) -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{- define "foresail.savedFolder" -}}
/var/lib/foresail
{{- end -}}

{{- /* True where a claim holds what was learnt. */ -}}
{{- define "foresail.hasClaim" -}}
{{- if and .Values.forecast.saved.enabled .Values.forecast.saved.persistent }}true{{ end -}}
{{- end -}}

{{- define "foresail.savedClaim" -}}
{{- default (printf "%s-saved" (include "foresail.fullname" .)) .Values.forecast.saved.existingClaim -}}
{{- end -}}

{{- /* Not the folder of the settings, which is a mount by itself. */ -}}
{{- define "foresail.calendarFolder" -}}
/etc/foresail-calendars
{{- end -}}

{{- /* Takes (dict "web" values of exporter.web "path" a health path). */ -}}
{{- define "foresail.exporterProbe" -}}
{{- if .web.clientCertificates -}}
tcpSocket: {port: metrics}
{{- else -}}
httpGet: {path: {{ .path }}, port: metrics{{ if .web.tls }}, scheme: HTTPS{{ end }}}
{{- end -}}
{{- end -}}

{{- define "foresail.leaseNamespace" -}}
{{- default .Release.Namespace .Values.settings.leader_election.namespace -}}
{{- end -}}

{{- /* What is seen of the whole cluster. */ -}}
{{- define "foresail.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end -}}

{{- /* In each namespace that is served: what is seen, told and scaled. */ -}}
{{- define "foresail.rules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [replicasets, deployments, statefulsets, daemonsets]
  verbs: [list, watch]
{{- /* Mode HPAFloor raises minReplicas, and gives it back. */}}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, patch]
{{- /* KEDA's, to see who else scales a target. Where KEDA is not installed the rule is about nothing. */}}
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list, watch]
- apiGroups: [foresail.dev]
  resources: [predictiveautoscalers, healingpolicies]
  verbs: [list, watch]
{{- /* The finalizer of onDelete Restore. */}}
- apiGroups: [foresail.dev]
  resources: [predictiveautoscalers]
  verbs: [patch]
- apiGroups: [foresail.dev]
  resources: [predictiveautoscalers/status, healingpolicies/status]
  verbs: [update]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- /* CPU and memory of objects with resourceMetrics MetricsAPI. */}}
- apiGroups: [metrics.k8s.io]
  resources: [pods]
  verbs: [list]
{{- /* Metrics of type Pods, Object and External; their names are resources of these groups. */}}
- apiGroups: [custom.metrics.k8s.io]
  resources: ["*"]
  verbs: [get]
- apiGroups: [external.metrics.k8s.io]
  resources: ["*"]
  verbs: [list]
- apiGroups: [apps]
  resources: [deployments/scale, replicasets/scale, statefulsets/scale]
  verbs: [get, update]
{{- /* Who sets the replicas of one back again and again is read from the object itself; others are in the cache. */}}
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get]
{{- range .Values.rbac.extraScaleTargets }}
- apiGroups: [{{ .apiGroup | quote }}]
  resources: [{{ .resource | quote }}]
  verbs: [get]
- apiGroups: [{{ .apiGroup | quote }}]
  resources: [{{ printf "%s/scale" .resource | quote }}]
  verbs: [get, update]
{{- end }}
{{- end -}}

{{- /* An eviction respects PodDisruptionBudgets; there is no right to delete. */ -}}
{{- define "foresail.healingRules" -}}
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end -}}
