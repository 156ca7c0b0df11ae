{{/* The pod, for both kinds of workload. */}}
{{- define "dpvs.podTemplate" -}}
{{- $networks := include "dpvs.networks" . -}}
metadata:
  # Without the versions of the chart: those alone restart nothing.
  labels:
    {{- include "dpvs.selectorLabels" . | nindent 4 }}
    app.kubernetes.io/component: load-balancer
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: dpvs
    {{- if $networks }}
    k8s.v1.cni.cncf.io/networks: {{ $networks | quote }}
    {{- end }}
    {{- if .Values.config.restartOnChange }}
    checksum/dpvs.conf: {{ include "dpvs.conf" . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "dpvs.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add .Values.drain.preStopSeconds .Values.drain.timeoutSeconds 15 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: {{ ne (int .Values.security.runAsUser) 0 }}
    runAsUser: {{ .Values.security.runAsUser | int }}
    runAsGroup: {{ .Values.security.runAsGroup | int }}
    # Volumes in memory and of hugepages are made for this group.
    fsGroup: {{ .Values.security.runAsGroup | int }}
    seccompProfile:
      type: {{ .Values.security.seccomp.type }}
      {{- if eq .Values.security.seccomp.type "Localhost" }}
      localhostProfile: {{ .Values.security.seccomp.localhostProfile }}
      {{- end }}
  {{- with .Values.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: dpvs
      {{- include "dpvs.container" . | nindent 6 }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "dpvs.volumes" . | nindent 4 }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .Values.workload.kind "StatefulSet" }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- include "dpvs.podSpread" . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "dpvs.container" -}}
image: {{ include "dpvs.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [dpvs, run]
args:
  - --conf={{ include "dpvs.directory" . }}/dpvs.conf
  - --services={{ include "dpvs.directory" . }}
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.ealArgs }}
  - --
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  - name: DPVS_INSTANCE
    value: {{ .Values.instance | quote }}
  # DPDK's files of a run: the only directory that is written.
  - name: RUNTIME_DIRECTORY
    value: /run/dpvs
  - name: POD_NAME
    valueFrom: { fieldRef: { fieldPath: metadata.name } }
  - name: NODE_NAME
    valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - name: metrics
    containerPort: {{ .Values.metrics.port }}
    protocol: TCP
resources:
  requests:
    {{- include "dpvs.quantities" . | nindent 4 }}
  limits:
    {{- include "dpvs.quantities" . | nindent 4 }}
# Answers once EAL is up and the first configuration is applied.
startupProbe:
  httpGet: { path: /livez, port: metrics }
  periodSeconds: 2
  failureThreshold: {{ div (add .Values.probes.startupSeconds 1) 2 }}
# Every worker turns.
livenessProbe:
  httpGet: { path: /livez, port: metrics }
  periodSeconds: {{ .Values.probes.periodSeconds }}
  timeoutSeconds: 3
  failureThreshold: {{ .Values.probes.livenessFailures }}
# Traffic is balanced: not while draining.
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: {{ .Values.probes.periodSeconds }}
  timeoutSeconds: 3
  failureThreshold: 1
{{- if .Values.drain.preStopSeconds }}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}
    sleep: { seconds: {{ .Values.drain.preStopSeconds }} }
    {{- else }}
    exec: { command: [sleep, {{ .Values.drain.preStopSeconds | quote }}] }
    {{- end }}
{{- end }}
securityContext:
  privileged: false
  readOnlyRootFilesystem: true
  # Without root, the program's file brings the capabilities, which this permits.
  allowPrivilegeEscalation: {{ and (ne (int .Values.security.runAsUser) 0) (not (empty .Values.security.capabilities)) }}
  capabilities:
    drop: [ALL]
    {{- with .Values.security.capabilities }}
    add:
      {{- toYaml . | nindent 6 }}
    {{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/dpvs
    readOnly: true
  - name: run
    mountPath: /run/dpvs
  - name: podinfo
    mountPath: /etc/podnetinfo
    readOnly: true
  {{- if .Values.hugepages.size }}
  - name: hugepages
    mountPath: /dev/hugepages
  {{- end }}
  {{- if .Values.stateVolume }}
  - name: state
    mountPath: /var/lib/dpvs
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "dpvs.volumes" -}}
- name: config
  projected:
    sources:
      {{- if .Values.config.perPod }}
      {{- include "dpvs.perPodSources" . | nindent 6 }}
      {{- else }}
      - configMap:
          name: {{ include "dpvs.confMap" . }}
      {{- if .Values.config.existingServices }}
      {{- range .Values.config.existingServices }}
      - configMap:
          name: {{ . }}
      {{- end }}
      {{- else }}
      - configMap:
          name: {{ include "dpvs.fullname" . }}-services
      {{- end }}
      {{- end }}
- name: run
  {{- if .Values.runDirectory.hostPath }}
  hostPath: { path: {{ .Values.runDirectory.hostPath }}, type: DirectoryOrCreate }
  {{- else }}
  emptyDir: { medium: Memory, sizeLimit: 16Mi }
  {{- end }}
# What the pod was given: networks of Multus, and limits. dpvs looks for it there.
- name: podinfo
  downwardAPI:
    items:
      - path: annotations
        fieldRef: { fieldPath: metadata.annotations }
      - path: network-status
        fieldRef: { fieldPath: "metadata.annotations['k8s.v1.cni.cncf.io/network-status']" }
      - path: cpu_limit
        resourceFieldRef: { containerName: dpvs, resource: limits.cpu }
      - path: memory_limit
        resourceFieldRef: { containerName: dpvs, resource: limits.memory }
      {{- with .Values.hugepages.size }}
      - path: hugepages_{{ . }}_limit
        resourceFieldRef: { containerName: dpvs, resource: limits.hugepages-{{ . }} }
      {{- end }}
{{- with .Values.hugepages.size }}
- name: hugepages
  emptyDir: { medium: HugePages-{{ . }} }
{{- end }}
{{- with .Values.stateVolume }}
- name: state
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A directory for each pod, with dpvs.conf and the service files as they are for it. */}}
{{- define "dpvs.perPodSources" -}}
{{- $name := include "dpvs.fullname" . -}}
{{- $services := .Values.config.services -}}
- configMap:
    name: {{ $name }}
    items:
      {{- range $pod, $_ := .Values.config.perPod }}
      - { key: dpvs.conf, path: {{ $pod }}/dpvs.conf }
      {{- end }}
{{- if $services }}
- configMap:
    name: {{ $name }}-services
    items:
      {{- range $pod, $_ := .Values.config.perPod }}
      {{- range $file, $_ := $services }}
      - { key: {{ $pod }}_{{ $file }}, path: {{ $pod }}/{{ $file }} }
      {{- end }}
      {{- end }}
{{- end }}
{{- end -}}
