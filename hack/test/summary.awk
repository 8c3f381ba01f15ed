# Reads the events of `go test -json`: see run.sh.

{
  package = field("Package")
  test = package " " field("Test")
  action = field("Action")
}

action == "output" {
  text = unquoted(field("Output"))
  # A test requests that a line is printed although the test passes.
  if (sub(/^.*REPORT: /, "  ", text)) {
    printf "%s", text
  }
  # The race detector's text is output of the test that printed last, which may pass while another one fails because of
  # the race.
  if (text ~ /^WARNING: DATA RACE/) {
    racing[package] = 1
  }
  if (racing[package]) {
    races[test] = races[test] text
  }
  if (text ~ /^=====/) {
    racing[package] = 0
  }
}

# A package that fails on its own, as one that does not compile, counts as one test.
action == "fail" && (field("Test") != "" || !failing[package]) {
  failed++
  failing[package] = 1
  delete races[test] # gotestsum has printed it
}
action == "pass" && field("Test") != "" { passed++ }
action == "skip" && field("Test") != "" { skipped++ }

END {
  for (test in races) {
    printf "\n=== Data race, printed by %s\n%s\n", test, races[test]
  }
  printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
  exit failed > 0 || passed == 0
}

# field returns a field of the event as it is quoted in JSON, "" if there is none.
function field(name,    value) {
  value = $0
  if (!sub("^.*[{,]\"" name "\":\"", "", value)) {
    return ""
  }
  gsub(/\\\\/, "\001", value)
  gsub(/\\"/, "\002", value)
  sub(/".*/, "", value)
  return value
}

function unquoted(value) {
  gsub(/\\n/, "\n", value)
  gsub(/\\t/, "\t", value)
  gsub(/\\u003c/, "<", value)
  gsub(/\\u003e/, ">", value)
  gsub(/\\u0026/, "\\&", value)
  gsub("\002", "\"", value)
  gsub("\001", "\\", value)
  return value
}
