{{/* Names, labels, and what cannot be said by values.schema.json. */}}

{{- define "dpvs.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dpvs.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dpvs.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dpvs.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dpvs.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dpvs.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "dpvs.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: load-balancer
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "dpvs.serviceAccountName" -}}
{{- default (ternary (include "dpvs.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "dpvs.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* dpvs.conf, as one text. */}}
{{- define "dpvs.conf" -}}
{{- tpl (default (.Files.Get "files/dpvs.conf") .Values.config.conf) . -}}
{{- end -}}

{{/* A service file: `root`, its `content` as text or YAML, and `pod`, what config.perPod has. */}}
{{- define "dpvs.file" -}}
{{- $text := .content -}}
{{- if not (kindIs "string" $text) -}}{{- $text = toYaml $text -}}{{- end -}}
{{- $root := .root -}}
{{- tpl $text (dict "pod" .pod "podName" .podName "Values" $root.Values "Release" $root.Release "Chart" $root.Chart "Capabilities" $root.Capabilities "Template" $root.Template) -}}
{{- end -}}

{{- define "dpvs.confMap" -}}
{{- default (include "dpvs.fullname" .) .Values.config.existingConf -}}
{{- end -}}

{{/* The directory in which this pod's files are; flat, so that one swap of ..data changes all. */}}
{{- define "dpvs.directory" -}}
/etc/dpvs{{ if .Values.config.perPod }}/$({{ include "dpvs.podKey" . }}){{ end }}
{{- end -}}

{{- define "dpvs.podKey" -}}
{{ ternary "NODE_NAME" "POD_NAME" (eq .Values.workload.kind "DaemonSet") }}
{{- end -}}

{{/* The value of k8s.v1.cni.cncf.io/networks; empty when there is none. */}}
{{- define "dpvs.networks" -}}
{{- $all := list -}}
{{- range .Values.ports -}}
{{- if .network -}}
{{- $all = append $all (printf "%s%s" .network (ternary (printf "@%s" .interface) "" (not (empty .interface)))) -}}
{{- end -}}
{{- end -}}
{{- join ", " (concat $all .Values.extraNetworks) -}}
{{- end -}}

{{/* Requests and limits of dpvs, which are the same. */}}
{{- define "dpvs.quantities" -}}
{{- $all := dict "cpu" (.Values.cpus | toString) "memory" .Values.memory -}}
{{- if .Values.hugepages.size -}}
{{- $_ := set $all (printf "hugepages-%s" .Values.hugepages.size) .Values.hugepages.amount -}}
{{- end -}}
{{- range .Values.ports -}}
{{- if .resource -}}
{{- $before := get $all .resource | default "0" | int -}}
{{- $_ := set $all .resource (add $before 1 | toString) -}}
{{- end -}}
{{- end -}}
{{- range $name, $amount := .Values.extraResources -}}
{{- $_ := set $all $name ($amount | toString) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "dpvs.podSpread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: DoNotSchedule
  labelSelector:
    matchLabels:
      {{- include "dpvs.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* Refuses values that would render into something that cannot work. */}}
{{- define "dpvs.validate" -}}
{{- $values := .Values -}}
{{- if and $values.config.perPod (or $values.config.existingConf $values.config.existingServices) -}}
{{- fail "config.perPod needs the chart's own ConfigMaps: config.existingConf and config.existingServices must be empty" -}}
{{- end -}}
{{- if and $values.config.existingServices $values.config.services -}}
{{- fail "config.services and config.existingServices exclude each other" -}}
{{- end -}}
{{- if and $values.config.existingConf $values.config.conf -}}
{{- fail "config.conf and config.existingConf exclude each other" -}}
{{- end -}}
{{- if and (eq $values.security.seccomp.type "Localhost") (not $values.security.seccomp.localhostProfile) -}}
{{- fail "security.seccomp.localhostProfile: a Localhost profile needs its file" -}}
{{- end -}}
{{- range (concat $values.extraInitContainers $values.extraContainers) -}}
{{- $limits := dig "resources" "limits" dict . -}}
{{- $requests := dig "resources" "requests" $limits . -}}
{{- if or (not $limits.cpu) (not $limits.memory) (ne (toString $requests.cpu) (toString $limits.cpu)) (ne (toString $requests.memory) (toString $limits.memory)) -}}
{{- fail (printf "container %s: resources.limits needs cpu and memory, and requests the same: otherwise the pod is not Guaranteed and the workers get no CPUs of their own" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
