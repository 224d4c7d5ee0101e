package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	hpaclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	autoscalinglisters "k8s.io/client-go/listers/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	scaleclient "k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	custom "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	external "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	resource "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	customclient "k8s.io/metrics/pkg/client/custom_metrics"
	externalclient "k8s.io/metrics/pkg/client/external_metrics"
)

const (
	namespace = "default"
	name      = "shop"
	rival     = "rival"
)

var errAnswer = errors.New("the server could not answer")

// world is the API server and the metrics APIs, as far as the controller asks them.
type world struct {
	tick     tick
	spec     int32
	status   int32
	selector string
	rival    string
	writes   int
	events   [][3]string
	hpas     cache.Indexer
	pods     cache.Indexer
	handlers []cache.ResourceEventHandler
}

func newWorld(rivals string) *world {
	index := func() cache.Indexer {
		return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	return &world{hpas: index(), pods: index(), rival: rivals}
}

// becomes puts in force what a tick changes.
func (w *world) becomes(next tick) {
	w.tick = next
	if next.Replicas != nil {
		w.spec = *next.Replicas
	}
	if next.Status != nil {
		w.status = *next.Status
	}
	if next.Selector != nil {
		w.selector = *next.Selector
	}
	if next.Pods != nil {
		items := make([]interface{}, 0, len(*next.Pods))
		for index := range *next.Pods {
			items = append(items, &(*next.Pods)[index])
		}
		must(w.pods.Replace(items, ""))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// --- objects and pods, as informers

type informer struct {
	cache.SharedIndexInformer
	world *world
}

func (i informer) AddEventHandlerWithResyncPeriod(handler cache.ResourceEventHandler, _ time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	i.world.handlers = append(i.world.handlers, handler)
	return nil, nil
}
func (i informer) HasSynced() bool { return true }

type hpaInformer struct{ *world }

func (h hpaInformer) Informer() cache.SharedIndexInformer { return informer{world: h.world} }
func (h hpaInformer) Lister() autoscalinglisters.HorizontalPodAutoscalerLister {
	return autoscalinglisters.NewHorizontalPodAutoscalerLister(h.hpas)
}

type podInformer struct{ *world }

func (p podInformer) Informer() cache.SharedIndexInformer { return informer{world: p.world} }
func (p podInformer) Lister() corelisters.PodLister       { return corelisters.NewPodLister(p.pods) }

// put stores an object as the API server would and tells the controller of it.
func (w *world) put(hpa *autoscalingv2.HorizontalPodAutoscaler) {
	text, err := json.Marshal(hpa) // times lose what is below a second, as on their way through the API
	must(err)
	stored := &autoscalingv2.HorizontalPodAutoscaler{}
	must(json.Unmarshal(text, stored))
	old, known, err := w.hpas.Get(stored)
	must(err)
	must(w.hpas.Add(stored))
	for _, handler := range w.handlers {
		if known {
			handler.OnUpdate(old, stored)
		} else {
			handler.OnAdd(stored, false)
		}
	}
}

func (w *world) hpa(named string) *autoscalingv2.HorizontalPodAutoscaler {
	found, _, err := w.hpas.GetByKey(namespace + "/" + named)
	must(err)
	return found.(*autoscalingv2.HorizontalPodAutoscaler).DeepCopy()
}

type statuses struct {
	hpaclient.HorizontalPodAutoscalerInterface
	*world
}

func (w *world) HorizontalPodAutoscalers(string) hpaclient.HorizontalPodAutoscalerInterface {
	return statuses{world: w}
}

func (s statuses) UpdateStatus(_ context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	stored := s.hpa(hpa.Name) // a write of the status leaves the spec alone
	stored.Status = *hpa.Status.DeepCopy()
	s.put(stored)
	return stored, nil
}

// --- scale

func (w *world) Scales(string) scaleclient.ScaleInterface { return scales{world: w} }

type scales struct {
	scaleclient.ScaleInterface
	*world
}

func (s scales) Get(_ context.Context, kind schema.GroupResource, named string, _ metav1.GetOptions) (*autoscalingv1.Scale, error) {
	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: named, Namespace: namespace}}
	if named == rival {
		scale.Spec.Replicas, scale.Status.Replicas, scale.Status.Selector = 1, 1, s.rival
		return scale, nil
	}
	late := s.tick.Late
	s.tick.Late = 0 // a write that failed makes the controller read again
	time.Sleep(seconds(late))
	if s.tick.ScaleError != "" {
		return nil, apierrors.NewNotFound(kind, s.tick.ScaleError)
	}
	scale.Spec.Replicas, scale.Status.Replicas, scale.Status.Selector = s.spec, s.status, s.selector
	return scale, nil
}

func (s scales) Update(_ context.Context, kind schema.GroupResource, scale *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	if scale.Name == rival {
		return nil, errAnswer
	}
	if s.tick.WriteError != "" {
		return nil, apierrors.NewForbidden(kind, scale.Name, errors.New(s.tick.WriteError))
	}
	if scale.Spec.Replicas < 0 { // as the API server's validation of a scale
		return nil, apierrors.NewInvalid(schema.GroupKind{Group: "autoscaling", Kind: "Scale"}, scale.Name, nil)
	}
	s.world.writes++
	s.world.spec = scale.Spec.Replicas
	return scale, nil
}

// --- metrics

func (w *world) PodMetricses(string) resourceclient.PodMetricsInterface { return podMetrics{world: w} }

type podMetrics struct {
	resourceclient.PodMetricsInterface
	*world
}

func (p podMetrics) List(_ context.Context, options metav1.ListOptions) (*resource.PodMetricsList, error) {
	if p.tick.PodMetrics == nil {
		return nil, errAnswer
	}
	selector, err := labels.Parse(options.LabelSelector)
	must(err)
	found := &resource.PodMetricsList{}
	for _, one := range *p.tick.PodMetrics {
		if selector.Matches(labels.Set(one.Labels)) {
			found.Items = append(found.Items, one)
		}
	}
	return found, nil
}

type customMetrics struct{ *world }

func (c customMetrics) RootScopedMetrics() customclient.MetricsInterface       { return c }
func (c customMetrics) NamespacedMetrics(string) customclient.MetricsInterface { return c }
func (c customMetrics) GetForObject(_ schema.GroupKind, _ string, metric string, _ labels.Selector) (*custom.MetricValue, error) {
	if found := c.tick.Object[metric]; found != nil {
		return found, nil
	}
	return nil, errAnswer
}

func (c customMetrics) GetForObjects(_ schema.GroupKind, _ labels.Selector, metric string, _ labels.Selector) (*custom.MetricValueList, error) {
	if found := c.tick.Pod[metric]; found != nil {
		return &custom.MetricValueList{Items: *found}, nil
	}
	return nil, errAnswer
}

type externalMetrics struct{ *world }

func (e externalMetrics) NamespacedMetrics(string) externalclient.MetricsInterface { return e }
func (e externalMetrics) List(metric string, _ labels.Selector) (*external.ExternalMetricValueList, error) {
	if found := e.tick.External[metric]; found != nil {
		return &external.ExternalMetricValueList{Items: *found}, nil
	}
	return nil, errAnswer
}

// --- events

func (w *world) Event(object runtime.Object, kind, reason, message string) {
	if about, err := meta.Accessor(object); err == nil && about.GetName() == name {
		w.events = append(w.events, [3]string{kind, reason, message})
	}
}

func (w *world) Eventf(object runtime.Object, kind, reason, message string, args ...interface{}) {
	w.Event(object, kind, reason, fmt.Sprintf(message, args...))
}

func (w *world) AnnotatedEventf(object runtime.Object, _ map[string]string, kind, reason, message string, args ...interface{}) {
	w.Eventf(object, kind, reason, message, args...)
}

// Events is where the controller's own recorder would write; it is replaced.
func (w *world) Events(string) coreclient.EventInterface { return nil }
