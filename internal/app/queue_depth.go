package app

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// forgetQueues removes the depths of the queues of controllers that have ended.
// Otherwise the metric of controller-runtime keeps the last value.
func forgetQueues(controllers ...string) error {
	// The registry returns the existing metric of controller-runtime in place of an
	// equal one.
	err := metrics.Registry.Register(prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "workqueue_depth", Help: "Current depth of workqueue by workqueue and priority",
	}, []string{"name", "controller", "priority"}))
	var found prometheus.AlreadyRegisteredError
	if !errors.As(err, &found) {
		return fmt.Errorf("find the metric workqueue_depth: %w", err)
	}
	depth, isGauge := found.ExistingCollector.(*prometheus.GaugeVec)
	if !isGauge {
		return fmt.Errorf("the metric workqueue_depth is a %T", found.ExistingCollector)
	}
	for _, name := range controllers {
		depth.DeletePartialMatch(prometheus.Labels{"name": name})
	}
	return nil
}
