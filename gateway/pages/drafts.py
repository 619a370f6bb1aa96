"""."""
from flask import Blueprint

pages = Blueprint("drafts", __name__)
