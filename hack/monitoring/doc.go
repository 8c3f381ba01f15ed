// Package monitoring tests config/components/prometheus: alerts and a dashboard. It is a separate module, so that
// Prometheus, whose parser it uses, is not a dependency of the operator.
package monitoring
