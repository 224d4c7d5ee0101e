// One reconcile of the real Horizontal Pod Autoscaler, over a case given as JSON.
//
// record.py compiles this file into a copy of k8s.io/kubernetes/pkg/controller/podautoscaler, because the parts that matter are
// not exported. Only the edges of the controller are replaced: metrics, pods, scale, status and events.
package podautoscaler

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	hpaclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	scaleclient "k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	metricsclient "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/monitor"
	"k8s.io/kubernetes/pkg/controller/util/selectors"
)

// Every time is an age in seconds before the evaluation; every amount is in milli-units.
type caseIn struct {
	Min, Max, Spec, Status         int32
	Behavior                       *autoscalingv2.HorizontalPodAutoscalerBehavior
	Window, Init, Delay, Tolerance float64
	Metrics                        []metricIn
	Pods                           []podIn
	Recommendations, Ups, Downs    [][2]float64
}

type metricIn struct {
	Spec   autoscalingv2.MetricSpec
	Values map[string][2]float64 // pod: value, age
	Window float64
	Total  *int64
}

type podIn struct {
	Name        string
	Phase       string
	Ready       *bool
	ReadyAge    *float64
	StartAge    *float64
	Deleting    bool
	Requests    map[string]map[string]int64
	PodRequests map[string]int64
}

type caseOut struct {
	Desired         int32                `json:"desired"`
	Conditions      map[string][2]string `json:"conditions"`
	Metrics         []metricOut          `json:"metrics"`
	Recommendations []int32              `json:"recommendations"`
	Ups             []int32              `json:"ups"`
	Downs           []int32              `json:"downs"`
}

type metricOut struct {
	Utilization *int32 `json:"utilization"`
	Average     *int64 `json:"average"`
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

type metricsOfCase struct {
	metrics []metricIn
	now     time.Time
}

var errNothing = errors.New("nothing")

func (m *metricsOfCase) GetResourceMetric(_ context.Context, name v1.ResourceName, _ string, _ labels.Selector, container string) (metricsclient.PodMetricsInfo, time.Time, error) {
	for _, one := range m.metrics {
		whole, part := one.Spec.Resource, one.Spec.ContainerResource
		if (container == "" && whole != nil && whole.Name == name) || (part != nil && part.Container == container && part.Name == name) {
			if len(one.Values) == 0 {
				return nil, m.now, errNothing
			}
			info := metricsclient.PodMetricsInfo{}
			for pod, value := range one.Values {
				info[pod] = metricsclient.PodMetric{Value: int64(value[0]), Timestamp: m.now.Add(-seconds(value[1])), Window: seconds(one.Window)}
			}
			return info, m.now, nil
		}
	}
	return nil, m.now, errNothing
}

func (m *metricsOfCase) GetExternalMetric(name string, _ string, _ labels.Selector) ([]int64, time.Time, error) {
	for _, one := range m.metrics {
		if one.Spec.External != nil && one.Spec.External.Metric.Name == name && one.Total != nil {
			return []int64{*one.Total}, m.now, nil
		}
	}
	return nil, m.now, errNothing
}

func (m *metricsOfCase) GetRawMetric(string, string, labels.Selector, labels.Selector) (metricsclient.PodMetricsInfo, time.Time, error) {
	return nil, m.now, errNothing
}

func (m *metricsOfCase) GetObjectMetric(string, string, *autoscalingv2.CrossVersionObjectReference, labels.Selector) (int64, time.Time, error) {
	return 0, m.now, errNothing
}

type oneScale struct{ scale *autoscalingv1.Scale }

func (s *oneScale) Scales(string) scaleclient.ScaleInterface { return s }

func (s *oneScale) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	return s.scale.DeepCopy(), nil
}

func (s *oneScale) Update(_ context.Context, _ schema.GroupResource, scale *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.scale = scale.DeepCopy()
	return scale, nil
}

func (s *oneScale) Patch(context.Context, schema.GroupVersionResource, string, types.PatchType, []byte, metav1.PatchOptions) (*autoscalingv1.Scale, error) {
	return nil, errNothing
}

type oneStatus struct {
	hpaclient.HorizontalPodAutoscalerInterface
	written autoscalingv2.HorizontalPodAutoscalerStatus
}

func (h *oneStatus) HorizontalPodAutoscalers(string) hpaclient.HorizontalPodAutoscalerInterface {
	return h
}

func (h *oneStatus) UpdateStatus(_ context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	h.written = *hpa.Status.DeepCopy()
	return hpa, nil
}

type noEvents struct{}

func (noEvents) Event(runtime.Object, string, string, string)                  {}
func (noEvents) Eventf(runtime.Object, string, string, string, ...interface{}) {}
func (noEvents) AnnotatedEventf(runtime.Object, map[string]string, string, string, string, ...interface{}) {
}

func requestList(amounts map[string]int64) v1.ResourceList {
	list := v1.ResourceList{}
	for name, milli := range amounts {
		list[v1.ResourceName(name)] = *resource.NewMilliQuantity(milli, resource.DecimalSI)
	}
	return list
}

func (p *podIn) pod(now time.Time) *v1.Pod {
	ago := func(age float64) metav1.Time { return metav1.NewTime(now.Add(-seconds(age))) }
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: "default", Labels: map[string]string{"app": "shop"}}}
	pod.Status.Phase = v1.PodPhase(p.Phase)
	if p.Deleting {
		at := ago(0)
		pod.DeletionTimestamp = &at
	}
	if p.StartAge != nil {
		at := ago(*p.StartAge)
		pod.Status.StartTime = &at
	}
	if p.Ready != nil {
		condition := v1.PodCondition{Type: v1.PodReady, Status: v1.ConditionFalse}
		if *p.Ready {
			condition.Status = v1.ConditionTrue
		}
		if p.ReadyAge != nil {
			condition.LastTransitionTime = ago(*p.ReadyAge)
		}
		pod.Status.Conditions = []v1.PodCondition{condition}
	}
	for name, amounts := range p.Requests {
		container := v1.Container{Name: name, Resources: v1.ResourceRequirements{Requests: requestList(amounts)}}
		pod.Spec.Containers = append(pod.Spec.Containers, container)
	}
	if p.PodRequests != nil {
		pod.Spec.Resources = &v1.ResourceRequirements{Requests: requestList(p.PodRequests)}
	}
	return pod
}

// Evaluate returns what the controller decided for a case, both as JSON.
func Evaluate(line []byte) ([]byte, error) {
	var in caseIn
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, err
	}
	const key = "default/shop"
	now := time.Now()
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	for index := range in.Pods {
		if err := indexer.Add(in.Pods[index].pod(now)); err != nil {
			return nil, err
		}
	}
	lister := corelisters.NewPodLister(indexer)
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{{Group: "apps", Version: "v1"}})
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, meta.RESTScopeNamespace)
	scale := &oneScale{&autoscalingv1.Scale{
		Spec:   autoscalingv1.ScaleSpec{Replicas: in.Spec},
		Status: autoscalingv1.ScaleStatus{Replicas: in.Status, Selector: "app=shop"},
	}}
	status := &oneStatus{}
	controller := &HorizontalController{
		scaleNamespacer: scale, hpaNamespacer: status, mapper: mapper, tolerance: in.Tolerance, eventRecorder: noEvents{},
		downscaleStabilisationWindow: seconds(in.Window), monitor: monitor.New(), podLister: lister,
		recommendations: map[string][]timestampedRecommendation{}, scaleUpEvents: map[string][]timestampedScaleEvent{},
		scaleDownEvents: map[string][]timestampedScaleEvent{}, hpaSelectors: selectors.NewBiMultimap(),
		replicaCalc: NewReplicaCalculator(&metricsOfCase{in.Metrics, now}, lister, seconds(in.Init), seconds(in.Delay)),
	}
	for _, one := range in.Recommendations {
		controller.recommendations[key] = append(controller.recommendations[key], timestampedRecommendation{int32(one[1]), now.Add(-seconds(one[0]))})
	}
	for _, one := range in.Ups {
		controller.scaleUpEvents[key] = append(controller.scaleUpEvents[key], timestampedScaleEvent{int32(one[1]), now.Add(-seconds(one[0])), false})
	}
	for _, one := range in.Downs {
		controller.scaleDownEvents[key] = append(controller.scaleDownEvents[key], timestampedScaleEvent{int32(one[1]), now.Add(-seconds(one[0])), false})
	}
	hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "default"}}
	hpa.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "shop"},
		MinReplicas:    &in.Min, MaxReplicas: in.Max, Behavior: in.Behavior,
	}
	for _, one := range in.Metrics {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, one.Spec)
	}
	defaults.SetDefaults_HorizontalPodAutoscaler(hpa)
	_ = controller.reconcileAutoscaler(context.Background(), hpa, key) // a failed metric is an error too; the status tells

	out := caseOut{Desired: scale.scale.Spec.Replicas, Conditions: map[string][2]string{}}
	for _, one := range status.written.Conditions {
		out.Conditions[string(one.Type)] = [2]string{string(one.Status), one.Reason}
	}
	for _, one := range status.written.CurrentMetrics {
		out.Metrics = append(out.Metrics, told(one))
	}
	for _, one := range controller.recommendations[key] {
		out.Recommendations = append(out.Recommendations, one.recommendation)
	}
	for _, one := range controller.scaleUpEvents[key] {
		out.Ups = append(out.Ups, one.replicaChange)
	}
	for _, one := range controller.scaleDownEvents[key] {
		out.Downs = append(out.Downs, one.replicaChange)
	}
	return json.Marshal(out)
}

func told(status autoscalingv2.MetricStatus) metricOut {
	var current autoscalingv2.MetricValueStatus
	switch {
	case status.Resource != nil:
		current = status.Resource.Current
	case status.ContainerResource != nil:
		current = status.ContainerResource.Current
	case status.External != nil:
		current = status.External.Current
	}
	out := metricOut{Utilization: current.AverageUtilization}
	if current.AverageValue != nil {
		milli := current.AverageValue.MilliValue()
		out.Average = &milli
	}
	return out
}
