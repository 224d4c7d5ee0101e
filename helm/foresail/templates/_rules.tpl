{{- /*
The generated rules as this release needs them: with the job that the service asks for, with links to the runbook where they are
known, and without the exporter the owners that kube-state-metrics tells in place of the exporter's alerts.
*/ -}}
{{- define "foresail.ruleGroups" -}}
{{- $exporter := .Values.exporter.enabled -}}
{{- $job := .Values.settings.prometheus.job -}}
{{- $prefix := .Values.monitoring.prometheusRule.runbookUrlPrefix -}}
{{- $groups := list -}}
{{- range ternary (list "foresail") (list "foresail-owners" "foresail") $exporter -}}
  {{- range $group := ($.Files.Get (printf "files/rules/%s.yaml" .) | fromYaml).groups -}}
    {{- if or $exporter (ne $group.name "foresail-exporter") -}}
      {{- range $rule := $group.rules -}}
        {{- $_ := set $rule "expr" (replace "job=\"foresail-exporter\"" (printf "job=%q" $job) $rule.expr) -}}
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
