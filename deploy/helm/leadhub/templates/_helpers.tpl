{{- define "leadhub.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "leadhub.labels" -}}
app.kubernetes.io/name: leadhub
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "leadhub.managed" -}}
{{ include "leadhub.labels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "leadhub.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "leadhub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "leadhub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Settings of every container. Secrets are files: an environment is shown by `kubectl describe`. */}}
{{- define "leadhub.environment" -}}
- {name: LEADHUB_PUBLIC_URL, value: {{ required "publicUrl is needed, such as https://crm.example.com" .Values.publicUrl | quote }}}
- {name: LEADHUB_HOST, value: "0.0.0.0"}
- {name: LEADHUB_DATA_DIR, value: /tmp/leadhub}
- {name: LEADHUB_FILES_DIR, value: /files}
- {name: LEADHUB_METRICS_DIR, value: /run/leadhub}
- {name: LEADHUB_METRICS_HOST, value: "0.0.0.0"}
- {name: LEADHUB_METRICS_PORT, value: "9100"}
{{- with concat .Values.proxy.networks .Values.proxy.frontProxies }}
- {name: LEADHUB_TRUSTED_PROXIES, value: {{ join "," . | quote }}}
{{- end }}
{{- if not (hasKey .Values.settings "STOP_NOTICE") }}
- {name: LEADHUB_STOP_NOTICE, value: "5"} # seconds until endpoints and proxies have left a stopping pod out
{{- end }}
{{- range .Values.secret.keys }}
- {name: LEADHUB_{{ . }}_FILE, value: /run/secrets/leadhub/{{ . }}}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: LEADHUB_{{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}

{{- define "leadhub.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: run, mountPath: /run/leadhub}
- {name: secrets, mountPath: /run/secrets/leadhub, readOnly: true}
- {name: files, mountPath: /files}
{{- end }}

{{- define "leadhub.volumes" -}}
- {name: tmp, emptyDir: {sizeLimit: 2Gi}}
- {name: run, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
- name: secrets
  secret:
    secretName: {{ .Values.secret.name }}
    defaultMode: 0440
    items:
      {{- range .Values.secret.keys }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
- name: files
  persistentVolumeClaim: {claimName: {{ .Values.files.existingClaim | default (printf "%s-files" (include "leadhub.name" .)) }}}
{{- end }}

{{/* One service: {root, service, probe: "http" or "metrics"}. */}}
{{- define "leadhub.deployment" -}}
{{- $root := .root }}
{{- $values := index $root.Values .service }}
{{- $scales := and $values.autoscaling $values.autoscaling.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "leadhub.name" $root }}-{{ .service }}
  labels:
    {{- include "leadhub.managed" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .service }}
spec:
  {{- if not $scales }}
  replicas: {{ $values.replicas }}
  {{- end }}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector:
    matchLabels:
      {{- include "leadhub.labels" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .service }}
  template:
    metadata:
      labels:
        {{- include "leadhub.managed" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .service }}
    spec:
      serviceAccountName: {{ include "leadhub.name" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false # variables such as LEADHUB_API_PORT would look like settings
      terminationGracePeriodSeconds: 60
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets: {{ toJson . }}
      {{- end }}
      securityContext:
        {{- include "leadhub.podSecurity" $root | nindent 8 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "leadhub.labels" $root | nindent 14 }}
              app.kubernetes.io/component: {{ .service }}
      containers:
        - name: {{ .service }}
          image: {{ include "leadhub.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .service }}]
          env:
            {{- include "leadhub.environment" $root | nindent 12 }}
          ports:
            {{- if eq .probe "http" }}
            - {name: http, containerPort: 8000}
            {{- end }}
            - {name: metrics, containerPort: 9100}
          {{- if eq .probe "http" }}
          startupProbe: {httpGet: {path: /api/v1/ready, port: http}, periodSeconds: 2, failureThreshold: 60}
          readinessProbe: {httpGet: {path: /api/v1/ready, port: http}, periodSeconds: 2, failureThreshold: 1}
          livenessProbe: {tcpSocket: {port: http}, periodSeconds: 10, failureThreshold: 6}
          {{- else }}
          startupProbe: {httpGet: {path: /metrics, port: metrics}, periodSeconds: 2, failureThreshold: 60}
          livenessProbe: {httpGet: {path: /metrics, port: metrics}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
          {{- end }}
          resources: {{ toJson $values.resources }}
          securityContext:
            {{- include "leadhub.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            {{- include "leadhub.mounts" $root | nindent 12 }}
      volumes:
        {{- include "leadhub.volumes" $root | nindent 8 }}
{{- end }}

{{/* What keeps a drain of nodes from taking every pod of a component at once. */}}
{{- define "leadhub.disruptions" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "leadhub.name" .root }}-{{ .service }}
  labels:
    {{- include "leadhub.managed" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "leadhub.labels" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .service }}
{{- end }}
