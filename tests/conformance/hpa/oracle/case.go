package oracle

import (
	"encoding/json"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	custom "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	external "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	resource "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// caseIn is one object over several reconciles. Durations are seconds; all else is what the APIs say, in their own JSON.
type caseIn struct {
	Sync, Window, Tolerance, Init, Delay float64
	ScaleToZero                          bool // the feature gate HPAScaleToZero
	Rival                                string
	Ticks                                []tick
}

// tick is what the next reconcile finds; what is absent stays as it was.
type tick struct {
	Late     float64 // seconds that reading the scale takes, so that reconciles need not be evenly spaced
	Spec     *autoscalingv2.HorizontalPodAutoscalerSpec
	Replicas *int32 // somebody sets the target to so many
	Status   *int32 // status.replicas of the scale
	Selector *string
	Pods     *[]v1.Pod

	ScaleError, WriteError string // what the API server answers instead; empty: it answers

	// Answers of the metrics APIs: null fails the request.
	PodMetrics *[]resource.PodMetrics
	Pod        map[string]*[]custom.MetricValue           // name of a Pods metric
	Object     map[string]*custom.MetricValue             // name of an Object metric
	External   map[string]*[]external.ExternalMetricValue // name of an External metric
}

// told is what came of one reconcile.
type told struct {
	At       float64         `json:"at"` // seconds since the start of the case
	Replicas int32           `json:"replicas"`
	Writes   int             `json:"writes"`
	Status   json.RawMessage `json:"status"`
	Events   [][3]string     `json:"events"`
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
