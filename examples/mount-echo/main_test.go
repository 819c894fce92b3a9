package main

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/examples/internal/mounttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMount(t *testing.T) { mounttest.Check(t, newRouter(mounttest.Store(t)), "/media") }
