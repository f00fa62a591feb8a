{{/* What would start and not do what its values say is refused, in the words of the one who can change it. */}}
{{- define "mfa-gateway.refusals" -}}
{{- include "mfa-gateway.refusals.config" . -}}
{{- include "mfa-gateway.refusals.storage" . -}}
{{- include "mfa-gateway.refusals.mode" . -}}
{{- include "mfa-gateway.refusals.ports" . -}}
{{- include "mfa-gateway.refusals.pods" . -}}
{{- end -}}

{{- define "mfa-gateway.refusals.config" -}}
{{- $data := .Values.config.configData -}}
{{- if and $data .Values.config.existingConfig -}}
{{- fail "config.configData and config.existingConfig are both set: set one of them" -}}
{{- end -}}
{{- if not (or $data .Values.config.existingConfig) -}}
{{- fail "the gateway has no configuration: set config.configData to issuers, upstreams and routes, or name a ConfigMap in config.existingConfig" -}}
{{- end -}}
{{- $owners := dict "listeners" "tls and service" "authorizers" "mode and authorizer" "store" "sessionStorage" "state" "persistence" -}}
{{- range $field, $owner := $owners -}}
{{- if hasKey $data $field -}}
{{- fail (printf "config.configData.%s is written by the chart: set %s instead, or give the whole configuration in config.existingConfig" $field $owner) -}}
{{- end -}}
{{- end -}}
{{- if hasKey ($data.admin | default dict) "address" -}}
{{- fail "config.configData.admin.address is written by the chart: set metrics.port instead" -}}
{{- end -}}
{{- if hasKey ($data.timeouts | default dict) "drain" -}}
{{- fail "config.configData.timeouts.drain is written by the chart: set drainSeconds instead" -}}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.refusals.storage" -}}
{{- $data := .Values.config.configData -}}
{{- $storage := .Values.sessionStorage -}}
{{- if and (include "mfa-gateway.replicated" .) (eq $storage.type "sqlite") -}}
{{- fail (printf "%s needs sessionStorage.type postgres: replicas can't share SQLite, and a sign-out at one wouldn't count at the others. If the configuration stores nothing, as with access tokens alone, set sessionStorage.type to none" (ternary "autoscaling" (printf "replicaCount %d" (int .Values.replicaCount)) .Values.autoscaling.enabled)) -}}
{{- end -}}
{{- range list "sign_in" "report" "consents" "exception_requests" "security_events" -}}
{{- if get $data . -}}
{{- if eq $storage.type "none" -}}
{{- fail (printf "sessionStorage.type is none, and config.configData.%s stores: set sessionStorage.type to postgres, or to sqlite for one replica" .) -}}
{{- end -}}
{{- if and (eq $storage.type "sqlite") (eq $.Values.mode "sidecar") -}}
{{- fail (printf "mode is sidecar, and config.configData.%s stores: the API's pods can't share SQLite, which ends with each of them; set sessionStorage.type to postgres" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq $storage.type "postgres" -}}
{{- if not $storage.postgres.url -}}
{{- fail "sessionStorage.type is postgres: set sessionStorage.postgres.url" -}}
{{- end -}}
{{- if not (regexMatch "^postgres(ql)?://[^:@/]+@[^@]+$" $storage.postgres.url) -}}
{{/* Not shown: it may have a password. */}}
{{- fail "sessionStorage.postgres.url must be postgres://user@host/database, without a password: put the password into the Secret of sessionStorage.postgres.existingSecret" -}}
{{- end -}}
{{- if not $storage.postgres.existingSecret -}}
{{- fail "sessionStorage.type is postgres: name the Secret with the password in sessionStorage.postgres.existingSecret" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.persistence.enabled (or (ne $storage.type "sqlite") (eq .Values.mode "sidecar")) -}}
{{- fail "persistence.enabled is for sessionStorage.type sqlite, and not for sidecars: set it to false" -}}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.refusals.mode" -}}
{{- $mode := .Values.mode -}}
{{- if ne $mode "proxy" -}}
{{- range list "ingress" "gatewayApi" -}}
{{- if (get $.Values .).enabled -}}
{{- fail (printf "%s.enabled is for mode proxy, and the mode is %s: traffic doesn't go through the gateway's Service" . $mode) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.gatewayApi.enabled (not .Values.gatewayApi.gatewayRef.name) -}}
{{- fail "gatewayApi.enabled is true: name the Gateway in gatewayApi.gatewayRef.name" -}}
{{- end -}}
{{- if eq $mode "sidecar" -}}
{{- if or .Values.autoscaling.enabled (ne (int .Values.replicaCount) 1) -}}
{{- fail "mode is sidecar: the chart of the API says how many replicas there are; remove replicaCount and autoscaling" -}}
{{- end -}}
{{- end -}}
{{- if include "mfa-gateway.asked" . -}}
{{- include "mfa-gateway.refusals.authorizer" . -}}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.refusals.authorizer" -}}
{{- $authorizer := .Values.authorizer -}}
{{- $kind := include "mfa-gateway.authorizerKind" . -}}
{{- $kinds := ternary (list "envoy" "envoy-http") (list "forward-auth" "nginx") (eq .Values.mode "ext-authz") -}}
{{- if not (has $kind $kinds) -}}
{{- fail (printf "authorizer.kind is %s, and the mode is %s: set it to %s" $kind .Values.mode (join " or " $kinds)) -}}
{{- end -}}
{{- if not (or $authorizer.peers.addresses $authorizer.peers.certificateNames) -}}
{{- fail "nobody may ask the gateway: set authorizer.peers.addresses to the networks of the proxy's pods, or authorizer.peers.certificateNames" -}}
{{- end -}}
{{- range $authorizer.peers.addresses -}}
{{- if has . (list "0.0.0.0/0" "::/0") -}}
{{- fail (printf "authorizer.peers.addresses has %s: who may ask may also say what the request was; name the networks of the proxy's pods" .) -}}
{{- end -}}
{{- end -}}
{{- if and $authorizer.peers.certificateNames (not $authorizer.tls.clientCA) -}}
{{- fail "authorizer.peers.certificateNames needs client certificates: set authorizer.tls.clientCA to true" -}}
{{- end -}}
{{- if and $authorizer.assertion (not .Values.config.existingConfig) (not .Values.config.configData.assertion) -}}
{{- fail "authorizer.assertion is true: set config.configData.assertion to the key_files, below /etc/mfa-gateway/secrets/, and the audience" -}}
{{- end -}}
{{- if and $authorizer.tls.clientCA (not $authorizer.tls.existingSecret) -}}
{{- fail "authorizer.tls.clientCA is true: name the Secret with tls.crt, tls.key and ca.crt in authorizer.tls.existingSecret" -}}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.refusals.ports" -}}
{{- $admin := int .Values.metrics.port -}}
{{- if eq $admin 8080 -}}
{{- fail "metrics.port is 8080, where the listener of the traffic is: set another" -}}
{{- end -}}
{{- if include "mfa-gateway.asked" . -}}
{{- $authorizer := int .Values.authorizer.portNumber -}}
{{- if has $authorizer (list 8080 $admin) -}}
{{- fail (printf "authorizer.portNumber is %d, which the listener of the traffic or metrics.port has: set another" $authorizer) -}}
{{- end -}}
{{- if eq $authorizer (int .Values.service.portNumber) -}}
{{- fail (printf "authorizer.portNumber and service.portNumber are both %d: set another" $authorizer) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mfa-gateway.refusals.pods" -}}
{{- if le (int .Values.terminationGracePeriodSeconds) (add (int .Values.preStopSeconds) (int .Values.drainSeconds) | int) -}}
{{- fail "terminationGracePeriodSeconds must be more than preStopSeconds and drainSeconds together: the gateway would be killed with requests in flight" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- if .Values.podDisruptionBudget.enabled -}}
{{- $least := toString .Values.podDisruptionBudget.minAvailable -}}
{{- $most := toString .Values.podDisruptionBudget.maxUnavailable -}}
{{- if eq (empty $least) (empty $most) -}}
{{- fail "podDisruptionBudget needs exactly one of minAvailable and maxUnavailable: set the other to \"\"" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.enabled) (ne .Values.mode "sidecar") -}}
{{- fail "metrics.serviceMonitor.enabled needs the Service of the admin port: set metrics.enabled to true" -}}
{{- end -}}
{{- if and (eq .Values.mode "sidecar") .Values.metrics.serviceMonitor.enabled (not .Values.sidecar.podSelectorLabels) -}}
{{- fail "metrics.serviceMonitor.enabled in mode sidecar needs the labels of the API's pods: set sidecar.podSelectorLabels" -}}
{{- end -}}
{{- end -}}
