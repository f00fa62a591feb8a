{{- define "mfa-gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "mfa-gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "mfa-gateway.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mfa-gateway.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "mfa-gateway.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "mfa-gateway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .Values.mode }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* `metadata` of an object: a dict with the root as `root`, and optionally a suffix, labels, annotations and a namespace. */}}
{{- define "mfa-gateway.metadata" -}}
name: {{ printf "%s%s" (include "mfa-gateway.fullname" .root) (.suffix | default "") | quote }}
namespace: {{ .namespace | default .root.Release.Namespace | quote }}
labels:
  {{- merge (include "mfa-gateway.labels" .root | fromYaml) (.labels | default dict) | toYaml | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mfa-gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.enabled -}}
{{- default (include "mfa-gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.image" -}}
{{- with .Values.image -}}
{{- if .registry }}{{ .registry }}/{{ end }}{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.configMapName" -}}
{{- .Values.config.existingConfig | default (include "mfa-gateway.fullname" .) -}}
{{- end -}}

{{/* Whether another proxy asks the gateway about its requests. */}}
{{- define "mfa-gateway.asked" -}}
{{- if has .Values.mode (list "ext-authz" "forward-auth") }}true{{ end -}}
{{- end -}}

{{- define "mfa-gateway.authorizerKind" -}}
{{- .Values.authorizer.kind | default (ternary "envoy" "forward-auth" (eq .Values.mode "ext-authz")) -}}
{{- end -}}

{{/* Whether there is a listener of the traffic. Behind a proxy that asks, it is there for the pages of the sign-in alone. */}}
{{- define "mfa-gateway.served" -}}
{{- if or (not (include "mfa-gateway.asked" .)) .Values.config.configData.sign_in .Values.config.existingConfig }}true{{ end -}}
{{- end -}}

{{- define "mfa-gateway.replicated" -}}
{{- if and (ne .Values.mode "sidecar") (or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) }}true{{ end -}}
{{- end -}}

{{- define "mfa-gateway.adminScheme" -}}
{{- $admin := .Values.config.configData.admin | default dict -}}
{{- .Values.metrics.scheme | default (ternary "https" "http" (hasKey $admin "tls")) -}}
{{- end -}}
