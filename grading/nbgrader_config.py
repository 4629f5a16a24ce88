"""Where nbgrader finds the assignment and keeps its grades (see README.md beside this file)."""

from pathlib import Path

HERE = Path(__file__).resolve().parent

c = get_config()  # noqa: F821 (nbgrader's)
c.CourseDirectory.course_id = "stn_lesson"
c.CourseDirectory.root = str(HERE)
c.CourseDirectory.release_directory = "../notebooks"  # notebooks/assignment
c.CourseDirectory.db_url = f"sqlite:///{HERE / 'gradebook.db'}"
c.ClearSolutions.code_stub = {
    "python": '# your code here\nraise NotImplementedError("not written yet")'
}
c.ClearSolutions.text_stub = "Your answer here."
c.HTMLExporter.exclude_anchor_links = True  # of headings, on pages that are read
c.TemplateExporter.exclude_input_prompt = True  # "In [ ]:", since nothing has run on the page
