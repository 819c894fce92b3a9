package main

import (
	"testing"

	"github.com/vodkit/vodkit/examples/internal/mounttest"
)

func TestMount(t *testing.T) { mounttest.Check(t, newRouter(mounttest.Store(t)), "/media") }

func TestWildcard(t *testing.T) { mounttest.Check(t, newRouter(mounttest.Store(t)), "/watch") }
