// Package monitoring holds the tests of what config/components/prometheus brings: alerts and a dashboard. They are
// in a module of their own, so that Prometheus, whose parser they use, is not among what the operator is made of.
package monitoring
