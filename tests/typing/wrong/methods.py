"""Calls of methods that must not pass."""

from alonzo import task


class Report:
    @task
    def page(self, number: int) -> str:
        return str(number)


Report().page("a")  # wrong: arg-type, reportArgumentType
Report().page()  # wrong: call-arg, reportCallIssue
Report().page.lazy(1, 2)  # wrong: call-arg, reportCallIssue
Report.page(1)  # wrong: call-arg arg-type, reportCallIssue
number: int = Report().page(1)  # wrong: assignment, reportAssignmentType
