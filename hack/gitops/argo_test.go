package gitops

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// argoCheck is a script of Argo CD.
type argoCheck string

func readArgo(t *testing.T) argoCheck {
	t.Helper()
	var configMap struct{ Data map[string]string }
	read(t, filepath.Join("..", "..", "config", "gitops", "argocd_cm.yaml"), &configMap)
	const key = "resource.customizations.health.taskrun.dev_TaskRun"
	if len(configMap.Data) != 1 || configMap.Data[key] == "" {
		t.Fatalf("the ConfigMap has %d keys, want %s alone", len(configMap.Data), key)
	}
	return argoCheck(configMap.Data[key])
}

// evaluate runs the script on an object with the libraries that Argo CD provides to scripts of users: base, tables and
// packages.
func (s argoCheck) evaluate(object map[string]any) (status, message string, err error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return "", "", fmt.Errorf("library %s: %w", name, err)
		}
	}
	state.SetGlobal("obj", luaValue(state, object))
	if err := state.DoString(string(s)); err != nil {
		return "", "", err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", errors.New("the script returns no table")
	}
	return table.RawGetString("status").String(), table.RawGetString("message").String(), nil
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		table := state.NewTable()
		for _, one := range v {
			table.Append(luaValue(state, one))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, one := range v {
			table.RawSetString(key, luaValue(state, one))
		}
		return table
	default:
		return lua.LNil
	}
}
