{{/* The gateway's configuration: config.configData, and what the chart writes. */}}
{{- define "mfa-gateway.config" -}}
{{- $config := deepCopy .Values.config.configData -}}
{{- if include "mfa-gateway.served" . -}}
{{- $listener := dict "address" "0.0.0.0:8080" -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $listener "tls" (include "mfa-gateway.tls" "tls" | fromYaml) -}}
{{- end -}}
{{- $_ := set $config "listeners" (list $listener) -}}
{{- end -}}
{{- $_ := set $config "admin" (mergeOverwrite ($config.admin | default dict) (dict "address" (printf "0.0.0.0:%d" (int .Values.metrics.port)))) -}}
{{- $_ := set $config "state" (dict "directory" "/var/lib/mfa-gateway/state") -}}
{{- $_ := set $config "timeouts" (mergeOverwrite ($config.timeouts | default dict) (dict "drain" (printf "%ds" (int .Values.drainSeconds)))) -}}
{{- if not (($config.log | default dict).format) -}}
{{- $_ := set $config "log" (mergeOverwrite ($config.log | default dict) (dict "format" "json")) -}}
{{- end -}}
{{- if eq .Values.sessionStorage.type "postgres" -}}
{{- $_ := set $config "store" (include "mfa-gateway.store" .Values.sessionStorage.postgres | fromYaml) -}}
{{- end -}}
{{- if include "mfa-gateway.asked" . -}}
{{- $_ := set $config "authorizers" (list (include "mfa-gateway.authorizer" . | fromYaml)) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "mfa-gateway.tls" -}}
certificates:
  - certificate_file: /etc/mfa-gateway/{{ . }}/tls.crt
    key_file: /etc/mfa-gateway/{{ . }}/tls.key
{{- end -}}

{{- define "mfa-gateway.store" -}}
postgres: {{ .url | quote }}
password_file: {{ printf "/etc/mfa-gateway/postgres/%s" .passwordKey | quote }}
{{- with .caKey }}
ca_file: {{ printf "/etc/mfa-gateway/postgres/%s" . | quote }}
{{- end }}
{{- with .schema }}
schema: {{ . | quote }}
{{- end }}
connections: {{ int .connections }}
{{- end -}}

{{- define "mfa-gateway.authorizer" -}}
{{- $kind := include "mfa-gateway.authorizerKind" . -}}
{{- with .Values.authorizer -}}
name: {{ .name | quote }}
kind: {{ $kind }}
address: 0.0.0.0:{{ int .portNumber }}
{{- if ne $kind "envoy" }}
path: {{ .path | quote }}
{{- end }}
{{- if .assertion }}
assertion: true
{{- end }}
peers:
  {{- with .peers.addresses }}
  addresses:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .peers.certificateNames }}
  certificate_names:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- if .tls.existingSecret }}
tls:
  {{- include "mfa-gateway.tls" "authorizer" | nindent 2 }}
  {{- if .tls.clientCA }}
  client_certificates:
    ca_file: /etc/mfa-gateway/authorizer/ca.crt
    required: true
  {{- end }}
{{- end }}
{{- end -}}
{{- end -}}
