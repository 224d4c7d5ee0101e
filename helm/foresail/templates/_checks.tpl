{{- /* What the schema cannot refuse. Each message begins with the value that is wrong. */ -}}
{{- define "foresail.checks" -}}
{{- include "foresail.checkPresent" . -}}
{{- include "foresail.checkPort" . -}}
{{- include "foresail.checkTimes" . -}}
{{- include "foresail.checkWeb" . -}}
{{- include "foresail.checkCalendars" . -}}
{{- include "foresail.checkSaved" . -}}
{{- end -}}

{{- define "foresail.checkSaved" -}}
{{- $saved := .Values.forecast.saved -}}
{{- $folder := .Values.settings.forecast.saved_folder -}}
{{- if and $saved.enabled $folder -}}
  {{- fail (printf "forecast.saved.enabled is true and settings.forecast.saved_folder is %s: the chart mounts a folder of its own; leave one of them out" $folder) -}}
{{- end -}}
{{- if and (include "foresail.hasClaim" .) (gt (int .Values.replicas) 1) (ne $saved.accessMode "ReadWriteMany") -}}
  {{- fail (printf "forecast.saved.accessMode is %s and replicas is %v: the second pod may never get the volume; use a claim that is ReadWriteMany, one replica, or forecast.saved.persistent=false" $saved.accessMode .Values.replicas) -}}
{{- end -}}
{{- if and $saved.enabled (not $saved.persistent) $saved.existingClaim -}}
  {{- fail (printf "forecast.saved.existingClaim is %s and forecast.saved.persistent is false: leave one of them out" $saved.existingClaim) -}}
{{- end -}}
{{- end -}}

{{- define "foresail.checkCalendars" -}}
{{- $folder := dig "scaling" "calendar_folder" "" .Values.settings -}}
{{- if and .Values.calendars $folder -}}
  {{- fail (printf "calendars are given and settings.scaling.calendar_folder is %s: the chart puts calendars into a folder of its own; leave one of them out" $folder) -}}
{{- end -}}
{{- end -}}

{{- /* A value that is set to null is taken away by Helm before the schema is looked at. Parts stand behind their whole. */ -}}
{{- define "foresail.checkPresent" -}}
{{- range $path := list
    "image" "image.repository" "image.pullPolicy" "serviceAccount" "rbac" "healing" "forecast" "forecast.saved"
    "forecast.saved.accessMode" "forecast.saved.size"
    "settings" "settings.acts" "settings.prometheus" "settings.prometheus.url" "settings.prometheus.job"
    "settings.forecast" "settings.forecast.refresh_s" "settings.forecast.expiry_s" "settings.healing"
    "settings.leader_election" "settings.leader_election.enabled" "settings.leader_election.lease_name"
    "settings.leader_election.lease_duration_s" "settings.leader_election.renew_deadline_s"
    "settings.leader_election.retry_period_s" "settings.notify" "settings.web" "settings.web.port" "settings.kubernetes"
    "exporter" "exporter.web" "exporter.image" "exporter.podWatch" "exporter.serviceAccount"
    "monitoring" "monitoring.serviceMonitor" "monitoring.prometheusRule" "dashboards" "networkPolicy" -}}
  {{- $at := $.Values -}}
  {{- range $name := splitList "." $path -}}
    {{- if kindIs "invalid" (index $at $name) -}}
      {{- fail (printf "%s must not be null; leave it out to keep what the chart gives it" $path) -}}
    {{- end -}}
    {{- $at = index $at $name -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- define "foresail.checkPort" -}}
{{- $url := .Values.settings.prometheus.url -}}
{{- with regexFind ":[0-9]+$" (urlParse $url).host | trimPrefix ":" -}}
  {{- if or (lt (int .) 1) (gt (int .) 65535) -}}
    {{- fail (printf "settings.prometheus.url has the port %s; ports go from 1 to 65535" .) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* The service refuses these at its start; here before anything is installed. */ -}}
{{- define "foresail.checkWeb" -}}
{{- if not .Values.exporter.podWatch -}}
  {{- if .Values.exporter.volumes -}}
    {{- fail "exporter.volumes is true and exporter.podWatch is false: without the Kubernetes API there is no token to show the kubelet" -}}
  {{- end -}}
  {{- if .Values.exporter.web.tokenReview -}}
    {{- fail "exporter.web.tokenReview is true and exporter.podWatch is false: only the Kubernetes API can review a token" -}}
  {{- end -}}
{{- end -}}
{{- with .Values.exporter.web -}}
  {{- if and .tls (not .configSecret) -}}
    {{- fail "exporter.web.tls is true and exporter.web.configSecret names no Secret: its web.yml says with which certificate" -}}
  {{- end -}}
  {{- if and .clientCertificates (not .tls) -}}
    {{- fail "exporter.web.clientCertificates is true and exporter.web.tls is not: there are no client certificates without encryption" -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- define "foresail.checkTimes" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.settings.leader_election.enabled) -}}
  {{- fail (printf "settings.leader_election.enabled is false and replicas is %v: all of them would act at once; leave one replica, or the election on" .Values.replicas) -}}
{{- end -}}
{{- with .Values.settings.leader_election -}}
  {{- if not (lt (float64 .retry_period_s) (float64 .renew_deadline_s)) -}}
    {{- fail (printf "settings.leader_election.retry_period_s (%v) must be less than renew_deadline_s (%v)" .retry_period_s .renew_deadline_s) -}}
  {{- end -}}
  {{- if not (lt (float64 .renew_deadline_s) (float64 .lease_duration_s)) -}}
    {{- fail (printf "settings.leader_election.renew_deadline_s (%v) must be less than lease_duration_s (%v), or two replicas may act at once" .renew_deadline_s .lease_duration_s) -}}
  {{- end -}}
{{- end -}}
{{- with .Values.settings.forecast -}}
  {{- if not (lt (float64 .refresh_s) (float64 .expiry_s)) -}}
    {{- fail (printf "settings.forecast.expiry_s (%v) must be more than refresh_s (%v), or every forecast expires before the next" .expiry_s .refresh_s) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
