{{- /*
The generated rules as this release needs them: with the job that the service asks for, with links to the runbook where they are
known, and without the exporter the owners that kube-state-metrics tells in place of the exporter's alerts.
*/ -}}
{{- define "foresail.ruleGroups" -}}
{{- $exporter := .Values.exporter.enabled -}}
{{- $job := include "foresail.exporterJob" . -}}
{{- /* The kubelet's other endpoints have the same job: whether they are up is not what our alerts tell. */ -}}
{{- $path := ternary ",metrics_path=\"/metrics/cadvisor\"" "" (eq (include "foresail.isCadvisor" .) "true") -}}
{{- $prefix := .Values.monitoring.prometheusRule.runbookUrlPrefix -}}
{{- $groups := list -}}
{{- range ternary (list "foresail") (list "foresail-owners" "foresail") $exporter -}}
  {{- range $group := ($.Files.Get (printf "files/rules/%s.yaml" .) | fromYaml).groups -}}
    {{- if or $exporter (ne $group.name "foresail-exporter") -}}
      {{- range $rule := $group.rules -}}
        {{- $expr := replace "up{job=\"foresail-exporter\"" (printf "up{job=%q%s" $job $path) $rule.expr -}}
        {{- $_ := set $rule "expr" (replace "job=\"foresail-exporter\"" (printf "job=%q" $job) $expr) -}}
        {{- if hasKey ($rule.labels | default dict) "job" -}}
          {{- $_ := set $rule.labels "job" $job -}}
        {{- end -}}
        {{- if and $prefix $rule.annotations -}}
          {{- $_ := set $rule.annotations "runbook_url" (printf "%s/%s" (trimSuffix "/" $prefix) $rule.annotations.runbook) -}}
        {{- end -}}
      {{- end -}}
      {{- $groups = append $groups $group -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml (dict "groups" $groups) -}}
{{- end -}}
