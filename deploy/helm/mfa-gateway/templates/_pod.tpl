{{/* What the container of the gateway has in every mode. */}}
{{- define "mfa-gateway.container" -}}
name: mfa-gateway
image: {{ include "mfa-gateway.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - serve
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  # A variable, so that `kubectl exec … -- mfa-gateway sessions list` finds it too.
  - name: MFA_GATEWAY_CONFIG
    value: /etc/mfa-gateway/config/gateway.yaml
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  {{- if include "mfa-gateway.served" . }}
  - name: http
    containerPort: 8080
  {{- end }}
  {{- if include "mfa-gateway.asked" . }}
  - name: authorizer
    containerPort: {{ int .Values.authorizer.portNumber }}
  {{- end }}
  - name: admin
    containerPort: {{ int .Values.metrics.port }}
{{- if .Values.livenessProbe.enabled }}
livenessProbe:
  {{- include "mfa-gateway.probe" (dict "root" . "path" "/livez") | nindent 2 }}
  {{- omit .Values.livenessProbe "enabled" | toYaml | nindent 2 }}
{{- end }}
{{- if .Values.readinessProbe.enabled }}
readinessProbe:
  {{- include "mfa-gateway.probe" (dict "root" . "path" "/readyz") | nindent 2 }}
  {{- omit .Values.readinessProbe "enabled" | toYaml | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: mfa-gateway
    mountPath: /etc/mfa-gateway/config
    readOnly: true
  - name: mfa-gateway-state
    mountPath: /var/lib/mfa-gateway
  {{- range $folder, $secret := include "mfa-gateway.secrets" . | fromYaml }}
  - name: mfa-gateway-{{ $folder }}
    mountPath: /etc/mfa-gateway/{{ $folder }}
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "mfa-gateway.probe" -}}
httpGet:
  path: {{ .path }}
  port: admin
  scheme: {{ include "mfa-gateway.adminScheme" .root | upper }}
{{- end -}}

{{/* The Secrets by the folder below /etc/mfa-gateway/ that each becomes. */}}
{{- define "mfa-gateway.secrets" -}}
{{- $secrets := dict -}}
{{- with .Values.config.existingSecret -}}{{- $_ := set $secrets "secrets" . -}}{{- end -}}
{{- with .Values.tls.existingSecret -}}{{- $_ := set $secrets "tls" . -}}{{- end -}}
{{- if eq .Values.sessionStorage.type "postgres" -}}
{{- $_ := set $secrets "postgres" .Values.sessionStorage.postgres.existingSecret -}}
{{- end -}}
{{- if and (include "mfa-gateway.asked" .) .Values.authorizer.tls.existingSecret -}}
{{- $_ := set $secrets "authorizer" .Values.authorizer.tls.existingSecret -}}
{{- end -}}
{{- toYaml $secrets -}}
{{- end -}}

{{- define "mfa-gateway.volumes" -}}
- name: mfa-gateway
  configMap:
    name: {{ include "mfa-gateway.configMapName" . | quote }}
# The issuers' last good keys, and SQLite. No other container may mount it.
- name: mfa-gateway-state
  {{- if .Values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ .Values.persistence.existingClaim | default (include "mfa-gateway.fullname" .) | quote }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ .Values.persistence.size | quote }}
  {{- end }}
{{- range $folder, $secret := include "mfa-gateway.secrets" . | fromYaml }}
- name: mfa-gateway-{{ $folder }}
  secret:
    secretName: {{ $secret | quote }}
    # The group is fsGroup.
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A changed configuration replaces the pods. */}}
{{- define "mfa-gateway.checksum" -}}
{{- if .Values.config.existingConfig -}}
checksum/config: {{ .Values.config.existingConfig | sha256sum | quote }}
{{- else -}}
checksum/config: {{ include "mfa-gateway.config" . | sha256sum | quote }}
{{- end -}}
{{- end -}}

{{/* For the chart of an API: the container goes below `initContainers` of its pod. */}}
{{- define "mfa-gateway.sidecar.container" -}}
{{- $container := include "mfa-gateway.container" . | fromYaml -}}
{{- $probe := merge (include "mfa-gateway.probe" (dict "root" . "path" "/readyz") | fromYaml) .Values.startupProbe -}}
{{- list (mergeOverwrite $container (dict "restartPolicy" "Always" "startupProbe" $probe)) | toYaml -}}
{{- end -}}

{{- define "mfa-gateway.sidecar.volumes" -}}
{{- include "mfa-gateway.volumes" . -}}
{{- end -}}

{{- define "mfa-gateway.sidecar.annotations" -}}
{{- include "mfa-gateway.checksum" . -}}
{{- end -}}
