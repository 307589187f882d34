/* SPDX-License-Identifier: MIT */
/*
 * Python, as it is, in tasks of one thread. Each task has a thread state of its own, as each thread has
 * elsewhere: with PyGILState_Ensure tasks of one thread would share one, and mix their frames. See
 * test/check-posix-python.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "libraries.h"

enum { TASKS = 10 };

static PyInterpreterState *interpreter;

/* Runs a script, whose names are its own. Returns its variable `result`, -errno of an OSError, or -EIO. */
static long run_script(const char *script)
{
	long result = -EIO;
	PyThreadState *state = PyThreadState_New(interpreter);
	enter();
	PyEval_RestoreThread(state);
	PyObject *names = PyDict_New();
	PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
	PyObject *ran = PyRun_String(script, Py_file_input, names, names);
	PyObject *value = ran ? PyDict_GetItemString(names, "result") : NULL;
	if (value)
		result = PyLong_AsLong(value);
	else if (PyErr_ExceptionMatches(PyExc_OSError)) {
		PyObject *type, *error, *trace;
		PyErr_Fetch(&type, &error, &trace);
		PyErr_NormalizeException(&type, &error, &trace);
		PyObject *number = PyObject_GetAttrString(error, "errno");
		result = -PyLong_AsLong(number);
		Py_XDECREF(number);
		Py_XDECREF(type);
		Py_XDECREF(error);
		Py_XDECREF(trace);
	} else
		PyErr_Print();
	Py_XDECREF(ran);
	Py_DECREF(names);
	PyThreadState_Clear(state);
	PyEval_SaveThread();
	PyThreadState_Delete(state);
	leave();
	return result;
}

static int expect(const char *script, long result)
{
	long r = run_script(script);
	claim(r == result, "%ld instead of %ld:\n%s", r, result, script);
	return 0;
}

/* -- calls that wait */

static int sleeps(void *arg)
{
	return expect("import time\n"
		      "def sleep(n):\n"
		      "    time.sleep(0.02)\n"
		      "    return n if n == 0 else sleep(n - 1) + 1\n"
		      "result = sleep(9)\n",
		      9);
}

static int sleeping(void *arg)
{
	return run_several(TASKS, sleeps);
}

static int has_an_exception(void *arg)
{
	return expect("import time\n"
		      "try:\n"
		      "    try:\n"
		      "        1 / 0\n"
		      "    except ZeroDivisionError:\n"
		      "        time.sleep(0.05)\n"
		      "        raise\n"
		      "except ZeroDivisionError:\n"
		      "    result = 3\n",
		      3);
}

static int exceptions(void *arg)
{
	return run_several(TASKS, has_an_exception);
}

static int runs_commands(void *arg)
{
	return expect(
		"import subprocess\n"
		"done = subprocess.run(['sh', '-c', 'cat; sleep 0.1; exit 4'], input=b'text',\n"
		"                      stdout=subprocess.PIPE)\n"
		"assert done.stdout == b'text'\n"
		"result = done.returncode\n",
		4);
}

static int commands(void *arg)
{
	return run_several(TASKS, runs_commands);
}

static int waits_for_locks(void *arg)
{
	return expect("import threading\n"
		      "for i in range(5):\n"
		      "    threading.Event().wait(0.1)\n"
		      "result = 5\n",
		      5);
}

static int locking(void *arg)
{
	int r = run_several(TASKS, waits_for_locks);
	claim(r < 0 || most_inside == TASKS, "a lock with a timeout blocks the thread");
	return r;
}

static int talks(void *arg)
{
	return expect("import socket, threading\n"
		      "def echo(end):\n"
		      "    while data := end.recv(100):\n"
		      "        end.sendall(data)\n"
		      "    end.close()\n"
		      "here, there = socket.socketpair()\n"
		      "thread = threading.Thread(target=echo, args=(there,))\n"
		      "thread.start()\n"
		      "result = 0\n"
		      "for i in range(100):\n"
		      "    here.sendall(b'x' * 10)\n"
		      "    result += len(here.recv(10, socket.MSG_WAITALL))\n"
		      "here.close()\n"
		      "thread.join()\n",
		      1000);
}

static int talking(void *arg)
{
	return run_several(TASKS, talks);
}

static int computes(void *arg)
{
	return expect("import time\n"
		      "result = 0\n"
		      "for i in range(10):\n"
		      "    result += sum(range(1000))\n"
		      "    time.sleep(0.001)\n",
		      4995000);
}

static int computing(void *arg)
{
	return run_several(TASKS, computes);
}

/* -- faults */

static int sleeps_long(void *arg)
{
	return (int)run_script("import time\n"
			       "time.sleep(1000)\n"
			       "result = 0\n");
}

static int cancelled_task(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(sleeps_long, NULL, &task);
	while (r == 0 && inside == 0)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_sleep(20 * CORO_MSEC);
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r == -ECANCELED ? sleeping(NULL) : -EIO;
}

static int kills_a_child(void *arg)
{
	return expect("import signal, subprocess, time\n"
		      "child = subprocess.Popen(['sleep', '1000'], stdout=subprocess.PIPE)\n"
		      "time.sleep(0.05)\n"
		      "child.kill()\n"
		      "assert child.stdout.read() == b''\n"
		      "result = child.wait()\n",
		      -9);
}

static int killed_children(void *arg)
{
	return run_several(TASKS, kills_a_child);
}

static int steps(void *arg)
{
	printf("Python %s\n", Py_GetVersion());
	step("time.sleep, 10 deep, 10 times", sleeping, NULL);
	step("an exception across a sleep, 10 times", exceptions, NULL);
	step("10 commands by subprocess", commands, NULL);
	step("locks with a timeout, 10 times", locking, NULL);
	step("sockets, 10 tasks with 10 threads", talking, NULL);
	step("sums between sleeps, 10 times", computing, NULL);
	step("a task that is cancelled in time.sleep", cancelled_task, NULL);
	step("10 children are killed", killed_children, NULL);
	return 0;
}

int main(void)
{
	Py_InitializeEx(0);
	interpreter = PyInterpreterState_Get();
	PyRun_SimpleString("import socket, subprocess, threading, time");
	PyThreadState *state = PyEval_SaveThread();
	int r = run_steps(steps);
	PyEval_RestoreThread(state);
	return Py_FinalizeEx() < 0 || r < 0;
}
