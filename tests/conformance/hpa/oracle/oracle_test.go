// Answers cases with what the real Horizontal Pod Autoscaler does: its controller, unmodified, runs by the clock of the case.
//
// This is a test only because Go gives a clock that can be moved (testing/synctest) to tests alone. The cases come from standard
// input, one a line, and each is answered by a line on standard output; what the test framework says after them is not one.
package oracle

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

func TestAnswer(t *testing.T) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	utilruntime.ErrorHandlers = nil // they wait for real time since the last error, of another case
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<28)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var one caseIn
		must(json.Unmarshal(in.Bytes(), &one))
		var answers []told
		must(utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{"HPAScaleToZero": one.ScaleToZero}))
		synctest.Test(t, func(*testing.T) { answers = answer(&one) })
		line, err := json.Marshal(answers)
		must(err)
		_, err = out.Write(append(line, '\n'))
		must(err)
	}
	must(in.Err())
}

// answer lets the controller reconcile once for each tick.
func answer(one *caseIn) []told {
	world, start := newWorld(one.Rival), time.Now()
	ctx, stop := context.WithCancel(context.Background())
	defer func() {
		stop()
		synctest.Wait()
	}()
	go controller(ctx, one, world).Run(ctx, 2)
	synctest.Wait()
	if one.Rival != "" {
		single := int32(1)
		world.put(object(rival, &autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: rival},
			MinReplicas:    &single, MaxReplicas: 1,
		}))
		time.Sleep(time.Second)
	}
	answers := make([]told, 0, len(one.Ticks))
	for index, next := range one.Ticks {
		world.becomes(next)
		if next.Spec != nil {
			changed := object(name, next.Spec)
			if index > 0 {
				changed.Status = world.hpa(name).Status
			}
			world.put(changed)
		}
		world.events, world.writes = [][3]string{}, 0
		time.Sleep(seconds(one.Sync))
		synctest.Wait()
		if next.Late > 0 {
			time.Sleep(seconds(next.Late))
			synctest.Wait()
		}
		status, err := json.Marshal(world.hpa(name).Status)
		must(err)
		answers = append(answers, told{time.Since(start).Seconds(), world.spec, world.writes, status, world.events})
	}
	return answers
}

// object is an HPA with the API server's defaults.
func object(named string, spec *autoscalingv2.HorizontalPodAutoscalerSpec) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: named, Namespace: namespace}, Spec: *spec}
	defaults.SetDefaults_HorizontalPodAutoscaler(hpa)
	return hpa
}

func controller(ctx context.Context, one *caseIn, world *world) *podautoscaler.HorizontalController {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{{Group: "apps", Version: "v1"}})
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, meta.RESTScopeNamespace)
	made := podautoscaler.NewHorizontalController(
		ctx, world, world, world, mapper,
		metrics.NewRESTMetricsClient(world, customMetrics{world}, externalMetrics{world}),
		hpaInformer{world}, podInformer{world},
		seconds(one.Sync), seconds(one.Window), one.Tolerance, seconds(one.Init), seconds(one.Delay),
	)
	// Its own recorder leaves out what comes too often; here every event counts.
	recorder := reflect.ValueOf(made).Elem().FieldByName("eventRecorder")
	*(*record.EventRecorder)(unsafe.Pointer(recorder.UnsafeAddr())) = world
	return made
}
